#include "exported/graph/aliases.h"

#include <torch/csrc/jit/ir/alias_analysis.h>

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace torchstreamer::exported {
namespace {

using torch::jit::Node;
using torch::jit::Value;

/// Values that may share the memory of a tensor of the module, with the tensor.
using Roots = std::unordered_map<const Value*, Value*>;

// Outputs that are views of an argument, or the argument itself.
void follow(Node* node, const c10::FunctionSchema& schema, Roots& roots) {
  for (size_t i = 0; i < node->inputs().size() && i < schema.arguments().size(); ++i) {
    const auto root = roots.find(node->input(i));
    if (root == roots.end() || !schema.arguments()[i].alias_info()) continue;
    Value* tensor = root->second;
    for (const Value* output : node->outputs()) roots.emplace(output, tensor);
  }
}

void find_written(torch::jit::Block* block, Roots& roots, std::unordered_set<Value*>& written) {
  for (Node* node : block->nodes()) {
    if (node->kind() == torch::jit::prim::GetAttr &&
        node->output()->type()->isSubtypeOf(*c10::TensorType::get()))
      roots.emplace(node->output(), node->output());
    if (node->kind() == torch::jit::prim::ListUnpack)
      if (const auto root = roots.find(node->input()); root != roots.end()) {
        Value* tensor = root->second;
        for (const Value* output : node->outputs()) roots.emplace(output, tensor);
      }
    for (auto* inner : node->blocks()) find_written(inner, roots, written);
    const auto* schema = node->maybeSchema();
    if (!schema) continue;
    for (size_t i = 0; i < node->inputs().size() && i < schema->arguments().size(); ++i) {
      const auto* alias = schema->arguments()[i].alias_info();
      const auto root = roots.find(node->input(i));
      if (alias && alias->isWrite() && root != roots.end()) written.insert(root->second);
    }
    follow(node, *schema, roots);
  }
}

// view() to other sizes; view() to a different type has no equivalent.
bool is_view(const Node* node) {
  return node->kind() == torch::jit::aten::view &&
         node->input(1)->type()->isSubtypeOf(*c10::ListType::ofInts());
}

void find_views(torch::jit::Block* block, std::vector<Node*>& views) {
  for (Node* node : block->nodes()) {
    if (is_view(node)) views.push_back(node);
    for (auto* inner : node->blocks()) find_views(inner, views);
  }
}

}  // namespace

void copy_written_attributes(torch::jit::Graph& graph) {
  Roots roots;
  std::unordered_set<Value*> written;
  find_written(graph.block(), roots, written);
  for (Value* tensor : written) {
    const torch::jit::WithInsertPoint after(tensor->node()->next());
    Value* copy = graph.insert(torch::jit::aten::clone, {tensor});
    tensor->replaceAllUsesAfterNodeWith(copy->node(), copy);
  }
}

void relax_views(const std::shared_ptr<torch::jit::Graph>& graph) {
  std::vector<Node*> views;
  find_views(graph->block(), views);
  if (views.empty()) return;
  const torch::jit::AliasDb aliases(graph);
  for (Node* view : views)
    if (!aliases.hasWriters(view->output())) view->replaceWithNewSymbol(torch::jit::aten::reshape);
}

}  // namespace torchstreamer::exported
