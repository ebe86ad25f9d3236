// Copies of modules.
#pragma once

#include <ATen/core/ivalue.h>

#include <functional>

#include "support/tensor.h"

namespace torchstreamer::graph {

/// Returns the copy of a tensor, or the tensor itself if it is not copied.
using TensorCopy = std::function<Tensor(const Tensor&)>;

/// Returns a copy of a module, a list or a dictionary, at any depth, with the tensors that `copy`
/// returns. Tensors that are views of one storage are views of one storage in the copy, too;
/// torch::jit::Module::deepcopy() replaces all of them by the copy of the first one.
c10::IValue copied(const c10::IValue& value, const TensorCopy& copy);

}  // namespace torchstreamer::graph
