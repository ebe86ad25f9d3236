// The names of libtorch that the library uses everywhere, the same for 1.13 and 2.x.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace torchstreamer {

using Tensor = at::Tensor;
using Tensors = std::vector<at::Tensor>;

// libtorch 1.13 has an optional of its own; 2.x uses the standard one.
#if TORCH_VERSION_MAJOR < 2
template <class T>
using Optional = c10::optional<T>;
#else
template <class T>
using Optional = std::optional<T>;
#endif

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
