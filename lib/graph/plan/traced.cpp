#include "graph/plan/traced.h"

#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>

namespace torchstreamer::graph {

// The source of a traced node is the Python stack of the call.
bool is_traced(const Node* node) {
  torch::jit::SourceRange range = node->sourceRange();
  if (auto original = range.findSourceRangeThatGenerated()) range = *original;
  return range.source() &&
         range.source()->text_str().str().find("/_trace.py(") != std::string::npos;
}

bool is_traced(const torch::jit::Graph& graph) {
  const auto nodes = graph.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const Node* node) { return is_traced(node); });
}

std::string length_advice(const Node* node) {
  return is_traced(node)
             ? "a traced model contains the length of its example signal: script it instead"
             : "compute it from the shape of the input, or export the model with dynamic_shapes";
}

}  // namespace torchstreamer::graph
