// Values of a graph that share memory.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace torchstreamer::exported {

/// Lets operators in place write to copies of the module's tensors, so that each call of forward()
/// begins with the saved values.
void copy_written_attributes(torch::jit::Graph& graph);

/// Replaces view() by reshape(), which accepts every memory layout, if no operator writes to the
/// memory of its result. The results of some operators, such as scaled_dot_product_attention, have
/// other strides in this libtorch than in the torch that exported the program. Leaves the former
/// nodes in the graph, unused.
void relax_views(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace torchstreamer::exported
