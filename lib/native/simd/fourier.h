// Discrete Fourier transforms of real signals.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "native/simd/bluestein.h"
#include "native/simd/stockham.h"

namespace torchstreamer::native {

/// Transforms of one size, computed in float64 and without normalisation. Immutable and
/// thread-safe.
/// An even size is computed as a complex transform of half the size.
class RealFourier {
 public:
  /// `size`: > 0.
  explicit RealFourier(int64_t size);

  /// Number of frequencies of a spectrum, from 0 to half the sample rate.
  int64_t frequencies() const { return size_ / 2 + 1; }
  /// Number of values in the work memory of a transform.
  int64_t work_values() const;

  /// spectrum[k] = sum over n of signal[n] * exp(-2 pi i k n / size).
  void forward(const double* signal, Complex* spectrum, Complex* work) const;
  /// signal[n] = sum over k of spectrum[k] * exp(2 pi i k n / size), where k includes the negative
  /// frequencies. Imaginary parts at 0 and at half the sample rate are ignored.
  void inverse(const Complex* spectrum, double* signal, Complex* work) const;

  int64_t bytes() const;

 private:
  // Transforms the values at the start of `work`. Returns the part of `work` with the outputs.
  Complex* transform(Complex* work, int64_t inputs, int64_t outputs) const;
  void inverse_even(const Complex* spectrum, double* signal, Complex* work) const;
  void inverse_odd(const Complex* spectrum, double* signal, Complex* work) const;

  int64_t size_;
  int64_t points_;  // of the complex transform
  std::variant<Stockham, Bluestein> transform_;
  std::vector<Complex> half_turns_;  // [points + 1], exp(-2 pi i k / size)
};

}  // namespace torchstreamer::native
