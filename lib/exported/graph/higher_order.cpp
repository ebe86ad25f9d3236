#include "exported/graph/higher_order.h"

#include <nlohmann/json.hpp>
#include <set>

#include "exported/graph/nodes.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest depth of graphs in graphs.
constexpr int kMostInnerGraphs = 16;

// Counts the inner graphs that are being added, in this thread.
class Depth {
 public:
  explicit Depth(const Call& call) {
    if (++depth() > kMostInnerGraphs) {
      --depth();
      call.refuse("its graphs are nested too deeply");
    }
  }
  ~Depth() { --depth(); }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  static int& depth() {
    thread_local int depth = 0;
    return depth;
  }
};

const Json& input(const Call& call, size_t i) {
  const Json& inputs = call.node.at("inputs");
  if (i >= inputs.size()) call.refuse("it has too few arguments");
  return inputs.at(i).at("arg");
}

// The values from argument `first` on. Lists hold tensors and lengths alike.
Values operands(const Call& call, size_t first) {
  Values values;
  auto append = [&](const Json& arg) {
    if (arg.contains("name")) return values.push_back(call.builder.get(arg.at("name")));
    for (const c10::TypePtr& type :
         {c10::TypePtr(c10::TensorType::get()), c10::TypePtr(c10::IntType::get()),
          c10::TypePtr(c10::BoolType::get()), c10::TypePtr(c10::FloatType::get())})
      if (Value* value = call.builder.argument(arg, type)) return values.push_back(value);
    call.refuse("an argument of its graph has an unexpected type");
  };
  const Json& inputs = call.node.at("inputs");
  for (size_t i = first; i < inputs.size(); ++i) {
    const Json& arg = inputs.at(i).at("arg");
    if (arg.contains("as_tensors"))
      for (const Json& item : arg.at("as_tensors")) append(item);
    else
      append(arg);
  }
  return values;
}

// The nodes of the graph in place of the operator.
Values inlined(const Call& call, size_t graph, size_t first_operand) {
  const Depth depth(call);
  return add_graph(call.builder, input(call, graph).at("as_graph").at("graph"),
                   operands(call, first_operand));
}

// (device, dtype, enabled, cache, graph, operands...).
Values autocast(const Call& call) {
  const bool is_cpu = input(call, 0).at("as_string") == "cpu";
  if (is_cpu && input(call, 2).at("as_bool").get<bool>())
    call.refuse("autocast computes in half precision; export the model without it");
  return inlined(call, 4, 5);
}

// (predicate, graph if true, graph if false, operands).
Values cond(const Call& call) {
  const Depth depth(call);
  Value* predicate = call.builder.argument(input(call, 0), c10::BoolType::get());
  if (!predicate) call.refuse("its condition is computed from a tensor");
  const Values inputs = operands(call, 3);
  Graph& graph = call.builder.graph();
  torch::jit::Node* branch = graph.insertNode(graph.create(torch::jit::prim::If, 0));
  branch->addInput(predicate);
  for (const size_t i : {1, 2}) {
    torch::jit::Block* block = branch->addBlock();
    const torch::jit::WithInsertPoint inside(block);
    for (Value* output : add_graph(call.builder, input(call, i).at("as_graph").at("graph"), inputs))
      block->registerOutput(output);
  }
  const auto outputs = branch->blocks()[0]->outputs();
  if (outputs.size() != branch->blocks()[1]->outputs().size())
    call.refuse("its graphs have different numbers of outputs");
  for (const Value* output : outputs) branch->addOutput()->setType(output->type());
  return {branch->outputs().begin(), branch->outputs().end()};
}

}  // namespace

Values add_higher_order(const Call& call) {
  const std::string name = call.name.substr(call.name.find("::") + 2);
  if (name == "wrap_with_set_grad_enabled") return inlined(call, 1, 2);
  if (name == "wrap_with_autocast") return autocast(call);
  if (name == "cond") return cond(call);
  // (graph, operands...).
  static const std::set<std::string> wrappers = {"strict_mode", "tag_activation_checkpoint", "wrap",
                                                 "wrap_activation_checkpoint"};
  if (wrappers.count(name)) return inlined(call, 0, 1);
  if (name == "invoke_subgraph") return inlined(call, 0, 2);
  if (name == "call_torchbind")
    call.refuse(
        "it calls a custom object, whose code is not in the file; export the model without "
        "it");
  call.refuse(
      "this higher-order operator has no rule; export program.run_decompositions() or "
      "write it with operators of tensors");
}

}  // namespace torchstreamer::exported
