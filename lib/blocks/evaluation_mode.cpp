#include "blocks/evaluation_mode.h"

#include <torch/csrc/jit/ir/constants.h>

#include <string>

#include "graph/script/visit_nodes.h"
#include "torchstreamer/error.h"

namespace torchstreamer::blocks {
namespace {

namespace jit = torch::jit;

// Arguments of aten::batch_norm and aten::instance_norm.
constexpr size_t kRunningMean = 3, kTraining = 5;

bool is_normalization(const jit::Node* node) {
  const std::string name = node->kind().toQualString();
  return name == "aten::batch_norm" || name == "aten::instance_norm";
}

}  // namespace

void require_fixed_statistics(const jit::Module& module, const jit::Graph& graph) {
  graph::visit_nodes(graph.block(), [&](const jit::Node* node) {
    if (!is_normalization(node)) return;
    const auto statistics = jit::toIValue(node->input(kRunningMean));
    if (statistics && statistics->isNone()) return;
    const auto training = jit::constant_as<bool>(node->input(kTraining));
    if (training.value_or(module.attr("training", false).toBool()))
      throw Error(std::string("the model is in training mode, in which ") +
                  node->kind().toUnqualString() +
                  " changes its running statistics: call eval() before it is saved");
  });
}

}  // namespace torchstreamer::blocks
