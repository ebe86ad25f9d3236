// Graphs of TorchScript on a different device or in a different type.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::graph {

/// Replaces every device that the graph names by `device`, also attributes of the module, and
/// removes moves to the CPU and to CUDA: a model that was saved on a GPU makes its tensors there.
void move_to_device(torch::jit::Graph& graph, at::Device device);

/// Replaces the type `from` by `to` in operators that name it as the type of a tensor or make a
/// tensor of the default type, float32, and converts constant tensors of this type. Complex types
/// are replaced with their real ones.
void change_type(torch::jit::Graph& graph, at::ScalarType from, at::ScalarType to);

}  // namespace torchstreamer::graph
