#include "graph/script/method_graph.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>

#include "graph/script/hooks.h"
#include "graph/script/signature.h"

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;

// Inserts nodes that make the value. Returns their result.
jit::Value* inserted_value(jit::Graph& graph, const c10::IValue& value) {
  if (value.isTensor()) return graph.insert(jit::aten::clone, {graph.insertConstant(value)});
  std::vector<jit::Value*> items;
  if (value.isTuple()) {
    for (const c10::IValue& item : value.toTupleRef().elements())
      items.push_back(inserted_value(graph, item));
    const auto type = value.toTupleRef().type();
    return graph.insertNode(graph.createTuple(items, type->schema() ? type : nullptr))->output();
  }
  if (value.isList()) {
    for (const c10::IValue& item : value.toListRef()) items.push_back(inserted_value(graph, item));
    return graph.insertNode(graph.createList(value.toList().elementType(), items))->output();
  }
  return graph.insertConstant(value);
}

}  // namespace

std::shared_ptr<jit::Graph> method_graph(const jit::Module& module, const std::string& method) {
  const jit::Method found = required_method(module, method);
  const auto graph = method == "forward" ? graph_with_hooks(module) : found.graph()->copy();
  jit::Inline(*graph);
  jit::EliminateDeadCode(graph);
  return graph;
}

void bind_arguments(jit::Graph& graph, std::vector<Argument>& arguments) {
  const jit::WithInsertPoint start(*graph.nodes().begin());
  for (size_t i = arguments.size(); i-- > 0;) {
    const Argument& argument = arguments[i];
    if (!argument.value || argument.kind == Argument::Kind::kRate) continue;
    const size_t input = i + 1;  // after the module
    if (graph.inputs()[input]->hasUses())
      graph.inputs()[input]->replaceAllUsesWith(inserted_value(graph, *argument.value));
    graph.eraseInput(input);
    arguments.erase(arguments.begin() + static_cast<int64_t>(i));
  }
}

}  // namespace torchstreamer::graph
