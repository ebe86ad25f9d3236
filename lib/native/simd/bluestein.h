// Discrete Fourier transforms of sizes with large prime factors.
#pragma once

#include <cstdint>
#include <vector>

#include "native/simd/stockham.h"

namespace torchstreamer::native {

/// Transforms of one size as convolutions, which are computed by transforms of a size without
/// large prime factors. Immutable and thread-safe.
///
/// L. Bluestein, A linear filtering approach to the computation of discrete Fourier transform, IEEE
/// Transactions on Audio and Electroacoustics 18, 1970. With nk = (n^2 + k^2 - (k - n)^2) / 2 and
/// c[n] = exp(-pi i n^2 / size):
///
///   y[k] = c[k] * sum over n of x[n] * c[n] * conj(c[k - n])
class Bluestein {
 public:
  /// Transforms of `size` inputs to the first `few` outputs, or of `few` inputs, followed by
  /// zeros, to `size` outputs.
  Bluestein(int64_t size, int64_t few);
  /// Approximate number of operations of a transform.
  static int64_t operations(int64_t size, int64_t few);

  /// Number of values in the work memory of a transform.
  int64_t work_values() const { return stockham_.work_values(); }
  /// Transforms `work[0, inputs)`. Returns the part of `work` that contains the outputs.
  Complex* transform(Complex* work, int64_t inputs, int64_t outputs) const;
  int64_t bytes() const;

 private:
  Stockham stockham_;
  std::vector<Complex> chirp_;   // [size], c
  std::vector<Complex> filter_;  // transform of conj(c), from 1 - size to few - 1
};

}  // namespace torchstreamer::native
