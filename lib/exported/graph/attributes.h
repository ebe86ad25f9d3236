// Tensors of a module that its graph writes to.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::exported {

/// Lets operators in place write to copies of the module's tensors, so that each call of forward()
/// begins with the saved values.
void copy_written_attributes(torch::jit::Graph& graph);

}  // namespace torchstreamer::exported
