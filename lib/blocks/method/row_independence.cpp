#include "blocks/method/row_independence.h"

#include <algorithm>
#include <set>
#include <string>

#include "graph/script/visit_nodes.h"

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;

bool is_tensor(const jit::Value* value) {
  return value->type()->isSubtypeOf(*c10::TensorType::get());
}

bool is_number(const jit::Value* value) {
  const auto kind = value->type()->kind();
  return kind == c10::TypeKind::BoolType || kind == c10::TypeKind::IntType ||
         kind == c10::TypeKind::FloatType || kind == c10::TypeKind::ComplexType ||
         kind == c10::TypeKind::NumberType;
}

// Returns true for an operator that returns a number which depends only on the shape or the type of
// its tensors.
bool asks_for_form(const jit::Node* node) {
  static const std::set<std::string> kNames = {"aten::size",
                                               "aten::len",
                                               "aten::dim",
                                               "aten::numel",
                                               "aten::stride",
                                               "aten::is_complex",
                                               "aten::is_contiguous",
                                               "aten::storage_offset",
                                               "aten::is_floating_point",
                                               "aten::__is__",
                                               "aten::__isnot__",
                                               "aten::element_size",
                                               "prim::dtype",
                                               "prim::is_cuda",
                                               "prim::requires_grad",
                                               "aten::is_cuda",
                                               "prim::is_sparse",
                                               "prim::is_quantized",
                                               "aten::is_signed",
                                               "aten::sym_size",
                                               "prim::unchecked_cast"};
  return kNames.count(node->kind().toQualString()) > 0;
}

// Returns the value whose memory a view has.
const jit::Value* viewed(const jit::Value* value) {
  while (true) {
    const jit::Node* node = value->node();
    const auto* schema = node->maybeSchema();
    if (!schema || value->offset() >= schema->returns().size()) return value;
    const bool is_view = schema->returns()[value->offset()].alias_info() != nullptr;
    if (!is_view || node->inputs().empty() || !is_tensor(node->input(0))) return value;
    value = node->input(0);
  }
}

bool writes_argument(const jit::Graph& graph, const jit::Node* node, size_t signal) {
  const auto* schema = node->maybeSchema();
  if (!schema) return false;
  const size_t count = std::min(schema->arguments().size(), node->inputs().size());
  for (size_t i = 0; i < count; ++i) {
    const auto* alias = schema->arguments()[i].alias_info();
    if (!alias || !alias->isWrite()) continue;
    const jit::Value* memory = viewed(node->input(i));
    const bool is_argument = memory->node() == graph.param_node() && memory->offset() > 0;
    if (is_argument && memory->offset() != signal) return true;
  }
  return false;
}

}  // namespace

bool reads_tensor(const jit::Node* node) {
  const auto inputs = node->inputs();
  const auto outputs = node->outputs();
  const bool from_tensor = std::any_of(inputs.begin(), inputs.end(), is_tensor);
  const bool to_number = std::any_of(outputs.begin(), outputs.end(), is_number) ||
                         node->kind().toQualString() == std::string("prim::tolist");
  return node->blocks().empty() && from_tensor && to_number && !asks_for_form(node);
}

bool has_independent_rows(const jit::Graph& graph, size_t signal) {
  bool are_independent = true;
  graph::visit_nodes(graph.block(), [&](const jit::Node* node) {
    // The graph of a forked call is not visited.
    are_independent &= !node->hasAttribute(jit::attr::Subgraph) && !reads_tensor(node) &&
                       !writes_argument(graph, node, signal);
  });
  return are_independent;
}

}  // namespace torchstreamer::blocks
