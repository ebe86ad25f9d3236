// Discrete Fourier transforms of complex numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace torchstreamer::native {

struct Complex {
  double re = 0, im = 0;
};

inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex operator*(Complex a, double b) { return {a.re * b, a.im * b}; }
inline Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline Complex conjugate(Complex a) { return {a.re, -a.im}; }
inline Complex times_i(Complex a) { return {-a.im, a.re}; }

/// exp(-2 pi i k / n), for k >= 0.
Complex root(int64_t k, int64_t n);

/// Transforms of one size: y[k] = sum over n of x[n] * exp(-2 pi i k n / size). Immutable and
/// thread-safe.
///
/// Stockham's algorithm with factors of 4, 2 and odd primes: C. Van Loan, Computational Frameworks
/// for the Fast Fourier Transform, SIAM 1992, section 1.7.
class Stockham {
 public:
  explicit Stockham(int64_t size);
  /// Approximate number of operations of a transform.
  static int64_t operations(int64_t size);

  int64_t size() const { return size_; }
  /// Number of values in the work memory of a transform.
  int64_t work_values() const { return 2 * size_; }
  /// Transforms the first half of the work memory. Returns the half that contains the result.
  Complex* transform(Complex* work) const;
  int64_t bytes() const;

 private:
  // One step: `parts * stride` sums of `radix` values each.
  struct Stage {
    int64_t radix, parts, stride;
    std::vector<Complex> twiddles;  // [parts][radix - 1]
    std::vector<Complex> roots;     // [radix], for odd radices
  };

  int64_t size_;
  std::vector<Stage> stages_;
};

}  // namespace torchstreamer::native
