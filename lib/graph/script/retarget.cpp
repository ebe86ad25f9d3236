#include "graph/script/retarget.h"

#include <torch/csrc/jit/ir/constants.h>

#include <optional>
#include <set>
#include <string>

#include "graph/script/visit_nodes.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;
using torch::jit::Block;
using torch::jit::Node;

torch::jit::Value* insert_constant(Node* before, const IValue& value) {
  const torch::jit::WithInsertPoint point(before);
  return before->owningGraph()->insertConstant(value);
}

void replace(Node* node, torch::jit::Value* by) {
  node->output()->replaceAllUsesWith(by);
  node->destroy();
}

bool makes_device(const Node* node) {
  if (node->outputs().size() != 1) return false;
  const bool is_device = node->output()->type()->kind() == c10::TypeKind::DeviceObjType;
  return is_device &&
         (node->kind() == torch::jit::prim::Constant || node->kind() == torch::jit::prim::GetAttr ||
          node->kind() == c10::Symbol::fromQualString("aten::device"));
}

bool moves_to_fixed_device(const Node* node) {
  static const auto cpu = c10::Symbol::fromQualString("aten::cpu");
  static const auto cuda = c10::Symbol::fromQualString("aten::cuda");
  return node->kind() == cpu || node->kind() == cuda;
}

// The type for a constant tensor or type of `type`; none if it stays.
std::optional<at::ScalarType> changed_type(at::ScalarType type, at::ScalarType from,
                                           at::ScalarType to) {
  if (type == from) return to;
  const bool has_complex = from == at::kHalf || from == at::kFloat;
  if (has_complex && type == at::toComplexType(from)) return at::toComplexType(to);
  return std::nullopt;
}

// Returns true if the operator makes a tensor of libtorch's default type, float32, if no type is
// given.
bool makes_default_type(const Node* node) {
  static const std::set<std::string> names = {
      "bartlett_window", "blackman_window", "empty", "eye",  "hamming_window", "hann_window",
      "kaiser_window",   "linspace",        "ones",  "rand", "randn",          "zeros"};
  return node->kind().is_aten() && names.count(node->kind().toUnqualString()) > 0;
}

void change_arguments(Node* node, at::ScalarType from, at::ScalarType to) {
  const auto* schema = node->maybeSchema();
  if (!schema) return;
  for (size_t i = 0; i < schema->arguments().size() && i < node->inputs().size(); ++i) {
    if (schema->arguments()[i].name() != "dtype") continue;
    const auto value = torch::jit::toIValue(node->input(i));
    if (!value) continue;
    std::optional<at::ScalarType> type;
    if (value->isInt())
      type = changed_type(static_cast<at::ScalarType>(value->toInt()), from, to);
    else if (value->isNone() && from == at::kFloat && makes_default_type(node))
      type = to;
    if (type) node->replaceInput(i, insert_constant(node, static_cast<int64_t>(*type)));
  }
}

void change_constant(Node* node, at::ScalarType from, at::ScalarType to) {
  const auto value = torch::jit::toIValue(node->output());
  if (!value || !value->isTensor() || !value->toTensor().defined()) return;
  const auto type = changed_type(value->toTensor().scalar_type(), from, to);
  if (type) replace(node, insert_constant(node, value->toTensor().to(*type)));
}

}  // namespace

void move_to_device(torch::jit::Graph& graph, at::Device device) {
  visit_nodes(graph.block(), [device](Node* node) {
    if (makes_device(node))
      replace(node, insert_constant(node, device));
    else if (moves_to_fixed_device(node))
      replace(node, node->input(0));
  });
}

void change_type(torch::jit::Graph& graph, at::ScalarType from, at::ScalarType to) {
  visit_nodes(graph.block(), [from, to](Node* node) {
    if (node->kind() == torch::jit::prim::Constant)
      change_constant(node, from, to);
    else
      change_arguments(node, from, to);
  });
}

}  // namespace torchstreamer::graph
