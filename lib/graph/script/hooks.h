// Hooks of a TorchScript module.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>

namespace torchstreamer::graph {

/// Returns the graph of a call of the module as torch.nn.Module.__call__() makes it: pre-hooks,
/// forward(), hooks. Its inputs are those of forward(). Calls are not inlined.
std::shared_ptr<torch::jit::Graph> graph_with_hooks(const torch::jit::Module& module);

}  // namespace torchstreamer::graph
