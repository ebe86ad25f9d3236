#include "blocks/method/evaluation_mode.h"

#include <torch/csrc/jit/ir/constants.h>

#include <optional>
#include <string>

#include "graph/script/visit_nodes.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;
using c10::IValue;

// Arguments of aten::batch_norm and aten::instance_norm.
constexpr size_t kRunningMean = 3, kTraining = 5;

bool is_normalization(const jit::Node* node) {
  const std::string name = node->kind().toQualString();
  return name == "aten::batch_norm" || name == "aten::instance_norm";
}

// Returns a constant or the value of an attribute; none for other values.
std::optional<IValue> known_value(const jit::Module& module, const jit::Value* value) {
  const jit::Node* node = value->node();
  if (value == node->owningGraph()->inputs()[0]) return module._ivalue();
  if (node->kind() != jit::prim::GetAttr) return jit::toIValue(value);
  const auto object = known_value(module, node->input(0));
  if (!object || !object->isObject()) return std::nullopt;
  return object->toObjectRef().getAttr(node->s(jit::attr::name));
}

// Returns the value in the branch that runs; none if it is not known.
std::optional<IValue> chosen_value(const jit::Module& module, const jit::Value* value) {
  while (value->node()->kind() == jit::prim::If) {
    const auto condition = known_value(module, value->node()->input(0));
    if (!condition || !condition->isBool()) return std::nullopt;
    value = value->node()->blocks()[condition->toBool() ? 0 : 1]->outputs()[value->offset()];
  }
  return known_value(module, value);
}

}  // namespace

// The running mean is None in a scripted module without running statistics. Such a module uses the
// statistics of its input in every mode, and changes nothing.
void require_fixed_statistics(const jit::Module& module, const jit::Graph& graph) {
  graph::visit_nodes(graph.block(), [&](const jit::Node* node) {
    if (!is_normalization(node)) return;
    const auto statistics = chosen_value(module, node->input(kRunningMean));
    if (statistics && statistics->isNone()) return;
    const auto training = chosen_value(module, node->input(kTraining));
    if (training && training->isBool() && training->toBool())
      throw Error(std::string("the model is in training mode, in which ") +
                  node->kind().toUnqualString() +
                  " changes its running statistics: call eval() before it is saved");
  });
}

}  // namespace torchstreamer::blocks
