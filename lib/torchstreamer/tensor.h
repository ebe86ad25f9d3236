/// @file
/// Names of libtorch types that are the same for libtorch 1.13 and 2.x.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <optional>
#include <vector>

namespace torchstreamer {

using Tensor = at::Tensor;                ///< a tensor of libtorch
using Tensors = std::vector<at::Tensor>;  ///< several tensors

/// An optional value: std::optional, or c10::optional for libtorch 1.13.
#if TORCH_VERSION_MAJOR < 2
template <class T>
using Optional = c10::optional<T>;
#else
template <class T>
using Optional = std::optional<T>;
#endif

}  // namespace torchstreamer
