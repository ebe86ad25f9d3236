#include "graph/script/empty_tensors.h"

#include <map>
#include <vector>

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;

struct Filled {
  c10::Symbol kind;
  size_t
      arguments;  ///< the first ones of the operator without values; the rest is its memory format
};

const std::map<c10::Symbol, Filled>& filled_operators() {
  static const std::map<c10::Symbol, Filled> table = {
      {jit::aten::empty, {jit::aten::zeros, 5}},
      {jit::aten::empty_like, {jit::aten::zeros_like, 6}},
      {jit::aten::new_empty, {jit::aten::new_zeros, 6}},
  };
  return table;
}

void fill_in(jit::Block* block) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it++;
    for (jit::Block* inner : node->blocks()) fill_in(inner);
    const auto found = filled_operators().find(node->kind());
    if (found == filled_operators().end() || node->inputs().size() < found->second.arguments)
      continue;
    const jit::WithInsertPoint before(node);
    jit::Graph& graph = *node->owningGraph();
    const auto arguments = node->inputs().slice(0, found->second.arguments);
    jit::Node* filled = graph.create(found->second.kind, arguments)->copyMetadata(node);
    if (!filled->maybeOperator()) continue;
    graph.insertNode(filled);
    node->output()->replaceAllUsesWith(filled->output());
    node->destroy();
  }
}

}  // namespace

void fill_empty_tensors(jit::Graph& graph) { fill_in(graph.block()); }

}  // namespace torchstreamer::graph
