#include "graph/script/empty_tensors.h"

#include <map>
#include <vector>

#include "graph/script/visit_nodes.h"

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;

struct Filled {
  c10::Symbol kind;
  /// Number of its arguments. They are the arguments of the replaced operator without the last one,
  /// the memory format.
  size_t arguments;
};

const std::map<c10::Symbol, Filled>& filled_operators() {
  static const std::map<c10::Symbol, Filled> table = {
      {jit::aten::empty, {jit::aten::zeros, 5}},
      {jit::aten::empty_like, {jit::aten::zeros_like, 6}},
      {jit::aten::new_empty, {jit::aten::new_zeros, 6}},
  };
  return table;
}

void fill_in(jit::Node* node) {
  const auto found = filled_operators().find(node->kind());
  if (found == filled_operators().end() || node->inputs().size() < found->second.arguments) return;
  const jit::WithInsertPoint before(node);
  jit::Graph& graph = *node->owningGraph();
  const auto arguments = node->inputs().slice(0, found->second.arguments);
  jit::Node* filled = graph.create(found->second.kind, arguments)->copyMetadata(node);
  if (!filled->maybeOperator()) return;
  graph.insertNode(filled);
  node->output()->replaceAllUsesWith(filled->output());
  node->destroy();
}

}  // namespace

void fill_empty_tensors(jit::Graph& graph) { visit_nodes(graph.block(), fill_in); }

}  // namespace torchstreamer::graph
