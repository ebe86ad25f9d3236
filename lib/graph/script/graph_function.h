// Functions that run the graph of a method.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <string>

namespace torchstreamer::graph {

/// Returns a function that runs a copy of the graph.
std::unique_ptr<torch::jit::Function> graph_function(const std::string& name,
                                                     torch::jit::Graph& graph);

}  // namespace torchstreamer::graph
