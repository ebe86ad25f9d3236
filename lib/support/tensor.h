// Helpers for tensors and for the exceptions of libtorch.
#pragma once

#include <exception>
#include <string>

#include "torchstreamer/tensor.h"

namespace torchstreamer {

/// Whether `a` has the shape of `b` and differs from it by at most `tolerance` times the largest
/// value of `b`, plus `floor`: a quiet signal is compared as strictly as a loud one. Integers must
/// be equal; not a number equals itself.
bool is_close(const Tensor& a, const Tensor& b, double tolerance, double floor = 0);

/// What a caught exception says, without libtorch's stack trace.
std::string message_of(const std::exception& e);

/// Inside of a catch clause: throws what was caught again, an Error or a lack of memory as it is,
/// anything else as an Error that begins with `what`.
[[noreturn]] void rethrow_as_error(const std::string& what);

/// The memory of its elements; none where it is undefined.
inline int64_t bytes_of(const Tensor& x) {
  return x.defined() ? static_cast<int64_t>(x.nbytes()) : 0;
}

}  // namespace torchstreamer
