// Graphs of the methods of a TorchScript module.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <string>
#include <vector>

#include "graph/script/arguments.h"

namespace torchstreamer::graph {

/// Returns the graph of a method with all calls inlined; of forward(), with the hooks of the
/// module. See required_method() for errors.
std::shared_ptr<torch::jit::Graph> method_graph(const torch::jit::Module& module,
                                                const std::string& method);

/// Replaces the arguments that have a value, except for rates, by nodes that make the value, and
/// removes them from the graph and from `arguments`. Each call of the graph makes its own tensors
/// and lists, because it may write to them.
void bind_arguments(torch::jit::Graph& graph, std::vector<Argument>& arguments);

}  // namespace torchstreamer::graph
