// Discrete Fourier transforms of real signals.
#pragma once

#include <cstdint>
#include <vector>

namespace torchstreamer::native {

struct Complex {
  double re = 0, im = 0;
};

/// Transforms of one size, computed in float64 and without normalisation. Immutable and
/// thread-safe.
///
/// Stockham's algorithm with factors of 4, 2 and odd primes: C. Van Loan, Computational Frameworks
/// for the Fast Fourier Transform, SIAM 1992, section 1.7. An even size is computed as a complex
/// transform of half the size.
class RealFourier {
 public:
  /// `size`: > 0.
  explicit RealFourier(int64_t size);
  /// Approximate number of operations of a transform.
  static int64_t operations(int64_t size);

  /// Number of frequencies of a spectrum, from 0 to half the sample rate.
  int64_t frequencies() const { return size_ / 2 + 1; }
  /// Number of values in the work memory of a transform.
  int64_t work_values() const { return 2 * points_; }

  /// spectrum[k] = sum over n of signal[n] * exp(-2 pi i k n / size).
  void forward(const double* signal, Complex* spectrum, Complex* work) const;
  /// signal[n] = sum over k of spectrum[k] * exp(2 pi i k n / size), where k includes the negative
  /// frequencies. Imaginary parts at 0 and at half the sample rate are ignored.
  void inverse(const Complex* spectrum, double* signal, Complex* work) const;

  int64_t bytes() const;

 private:
  // One step of the complex transform: `parts * stride` sums of `radix` values each.
  struct Stage {
    int64_t radix, parts, stride;
    std::vector<Complex> twiddles;  // [parts][radix - 1]
    std::vector<Complex> roots;     // [radix], for odd radices
  };

  // Transforms the first half of the work memory. Returns the half that contains the result.
  Complex* transform(Complex* work) const;

  int64_t size_;
  int64_t points_;  // of the complex transform
  std::vector<Stage> stages_;
  std::vector<Complex> half_turns_;  // [points + 1], exp(-2 pi i k / size)
};

}  // namespace torchstreamer::native
