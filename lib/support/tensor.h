// Helpers for tensors.
#pragma once

#include "torchstreamer/tensor.h"

namespace torchstreamer {

/// Returns true if `a` has the shape of `b` and all values differ by at most `tolerance` times the
/// largest magnitude of `b`, plus `floor`. Integers must be equal; NaN equals NaN.
bool is_close(const Tensor& a, const Tensor& b, double tolerance, double floor = 0);

/// Memory of the elements in bytes; 0 for an undefined tensor.
inline int64_t bytes_of(const Tensor& x) {
  return x.defined() ? static_cast<int64_t>(x.nbytes()) : 0;
}

}  // namespace torchstreamer
