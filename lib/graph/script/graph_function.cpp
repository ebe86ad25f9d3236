#include "graph/script/graph_function.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/ir/constants.h>

#include <set>

#include "graph/script/visit_nodes.h"

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;

// The result depends on the branch, so that no optimization divides before the check.
constexpr char kSource[] = R"(
def divisor_of(dividend: int, divisor: int) -> int:
  if divisor == 0 or (divisor == -1 and dividend == -9223372036854775807 - 1):
    assert False, "it divides {} by {}".format(dividend, divisor)
    checked = 1
  else:
    checked = divisor
  return checked
)";

jit::Graph& check() {
  static jit::CompilationUnit* const unit = [] {
    auto* made = new jit::CompilationUnit;  // lives as long as the process
    made->define(c10::nullopt, kSource, jit::nativeResolver(), nullptr);
    return made;
  }();
  return *jit::toGraphFunction(unit->get_function("divisor_of")).graph();
}

bool is_int(const jit::Value* value) { return value->type()->kind() == c10::TypeKind::IntType; }

// Returns true for a division of two integers whose divisor may be 0 or -1.
bool may_end_process(const jit::Node* node) {
  static const std::set<std::string> kNames = {"aten::remainder", "aten::floordiv", "aten::divmod",
                                               "aten::fmod"};
  if (kNames.count(node->kind().toQualString()) == 0 || node->inputs().size() != 2 ||
      !is_int(node->input(0)) || !is_int(node->input(1)))
    return false;
  const auto divisor = jit::toIValue(node->input(1));
  return !divisor || divisor->toInt() == 0 || divisor->toInt() == -1;
}

}  // namespace

std::unique_ptr<jit::Function> graph_function(const std::string& name, jit::Graph& graph) {
  auto checked = graph.copy();
  visit_nodes(checked->block(), [&](jit::Node* node) {
    if (!may_end_process(node)) return;
    const jit::WithInsertPoint before(node);
    node->replaceInput(1, jit::insertGraph(*checked, check(), node->inputs()).at(0));
  });
  return std::make_unique<jit::GraphFunction>(name, checked, nullptr);
}

}  // namespace torchstreamer::graph
