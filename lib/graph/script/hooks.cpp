#include "graph/script/hooks.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <vector>

namespace torchstreamer::graph {
namespace {

namespace jit = torch::jit;
using GraphValues = std::vector<jit::Value*>;

// Appends the graph of a function; returns its result.
jit::Value* append_call(jit::Graph& graph, const jit::Function& function,
                        const GraphValues& inputs) {
  return jit::insertGraph(graph, *jit::toGraphFunction(function).graph()->copy(), inputs).at(0);
}

// Returns the tuple of arguments of forward() that a hook takes. `inputs`: the module and these
// arguments.
jit::Value* packed_inputs(jit::Graph& graph, const jit::Function& hook, const GraphValues& inputs) {
  const auto type = hook.getSchema().arguments().at(1).type()->expect<c10::TupleType>();
  const auto begin = inputs.begin() + 1;
  const auto end = begin + static_cast<int64_t>(type->elements().size());
  return graph.insertNode(graph.createTuple(GraphValues(begin, end)))->output();
}

// Replaces the arguments of forward() with those that a hook returns, if it returns any.
void append_pre_hook(jit::Graph& graph, const jit::Function& hook, GraphValues& inputs) {
  jit::Value* result = append_call(graph, hook, {inputs[0], packed_inputs(graph, hook, inputs)});
  if (result->type()->cast<c10::NoneType>()) return;
  GraphValues replaced = {result};
  if (result->type()->cast<c10::TupleType>())
    replaced = graph.insertNode(graph.createTupleUnpack(result))->outputs().vec();
  std::copy(replaced.begin(), replaced.end(), inputs.begin() + 1);
}

}  // namespace

std::shared_ptr<jit::Graph> graph_with_hooks(const jit::Module& module) {
  const auto& type = *module.type();
  const jit::Function& forward = type.getMethod("forward");
  if (type.getForwardHooks().empty() && type.getForwardPreHooks().empty())
    return jit::toGraphFunction(forward).graph()->copy();
  auto graph = std::make_shared<jit::Graph>();
  GraphValues inputs;
  for (const auto& argument : forward.getSchema().arguments())
    inputs.push_back(graph->addInput(argument.name())->setType(argument.type()));
  inputs[0]->setType(module.type());
  for (const auto* hook : type.getForwardPreHooks()) append_pre_hook(*graph, *hook, inputs);
  jit::Value* result = append_call(*graph, forward, inputs);
  for (const auto* hook : type.getForwardHooks()) {
    jit::Value* returned =
        append_call(*graph, *hook, {inputs[0], packed_inputs(*graph, *hook, inputs), result});
    if (!returned->type()->cast<c10::NoneType>()) result = returned;
  }
  graph->registerOutput(result);
  return graph;
}

}  // namespace torchstreamer::graph
