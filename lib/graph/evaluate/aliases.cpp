#include "graph/evaluate/aliases.h"

#include <algorithm>
#include <set>

#include "graph/plan/refusal.h"

namespace torchstreamer::graph {
namespace {

bool is_view(const Node* node) {
  static const std::set<std::string> names = {
      "aten::select",    "aten::slice",        "aten::narrow",    "aten::view",
      "aten::reshape",   "aten::view_as",      "aten::transpose", "aten::permute",
      "aten::unsqueeze", "aten::squeeze",      "aten::expand",    "aten::t",
      "aten::flatten",   "aten::unflatten",    "aten::movedim",   "aten::expand_as",
      "aten::swapaxes",  "aten::tensor_split", "aten::chunk",     "aten::split",
      "aten::unbind"};
  return names.count(operator_name(node)) > 0;
}

// Returns true for operators that return their argument itself in eval mode.
bool is_same(const Node* node) {
  static const std::set<std::string> names = {"aten::detach", "aten::contiguous", "aten::dropout",
                                              "aten::alias"};
  return names.count(operator_name(node)) > 0;
}

}  // namespace

bool writes_in_place(const Node* node) {
  const auto* schema = node->maybeSchema();
  if (!schema || !schema->is_mutable() || schema->arguments().empty()) return false;
  const auto* alias = schema->arguments()[0].alias_info();
  return alias && alias->isWrite() && node->input(0)->type()->isSubtypeOf(*c10::TensorType::get());
}

std::string functional_name(const Node* node) {
  std::string name = operator_name(node);
  name.pop_back();  // the underscore
  return name;
}

void Aliases::add_outputs(Node* node) {
  if (node->outputs().empty()) return;
  if (is_same(node)) {
    add_name(node->output(0), node->input(0));
  } else if (node->kind() == torch::jit::prim::ListUnpack && is_view(node->input(0)->node())) {
    Node* cut = node->input(0)->node();
    for (size_t i = 0; i < node->outputs().size(); ++i)
      views_.push_back({cut->input(0), cut, i, node->output(i)});
  } else if (is_view(node)) {
    views_.push_back({node->input(0), node, 0, node->output(0)});
  }
}

GraphValue Aliases::named(GraphValue value) const {
  for (auto it = names_.find(value); it != names_.end(); it = names_.find(value))
    value = it->second;
  return value;
}

Aliases::Path Aliases::path_to(GraphValue value) const {
  Path path = {named(value), {}};
  for (;;) {
    // In a loop the same node makes a new view in each iteration; the last one is used.
    const auto view = std::find_if(views_.rbegin(), views_.rend(),
                                   [&](const View& v) { return v.value == path.root; });
    if (view == views_.rend()) return path;
    path.views.insert(path.views.begin(), *view);
    path.root = named(view->base);
  }
}

}  // namespace torchstreamer::graph
