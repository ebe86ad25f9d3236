// Operators whose result may be their argument itself.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::graph {

/// Returns true for an operator that may return its argument, although its schema does not say so:
/// dropout() does in eval mode, type_as() if the types are equal.
bool may_return_argument(const torch::jit::Node* node);

}  // namespace torchstreamer::graph
