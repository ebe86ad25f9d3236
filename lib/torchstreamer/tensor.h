/// Names of libtorch types that are the same for libtorch 1.13 and 2.x.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <optional>
#include <vector>

namespace torchstreamer {

using Tensor = at::Tensor;
using Tensors = std::vector<at::Tensor>;

// libtorch 1.13 has its own optional; 2.x uses the standard one.
#if TORCH_VERSION_MAJOR < 2
template <class T>
using Optional = c10::optional<T>;
#else
template <class T>
using Optional = std::optional<T>;
#endif

}  // namespace torchstreamer
