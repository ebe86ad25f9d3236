#include "graph/script/graph_function.h"

#include <torch/csrc/jit/api/function_impl.h>

namespace torchstreamer::graph {

std::unique_ptr<torch::jit::Function> graph_function(const std::string& name,
                                                     torch::jit::Graph& graph) {
  return std::make_unique<torch::jit::GraphFunction>(name, graph.copy(), nullptr);
}

}  // namespace torchstreamer::graph
