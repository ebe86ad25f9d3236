#include "exported/graph/nodes.h"

#include <c10/util/StringUtil.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "exported/graph/composites.h"
#include "exported/graph/higher_order.h"
#include "exported/graph/scalars.h"
#include "exported/graph/twins.h"
#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Appends the names of an output: the name of a tensor or a length, or those of the items of a
// list.
void append_names(const Json& output, std::vector<std::string>& names) {
  for (const char* tag : {"as_tensor", "as_sym_int", "as_sym_float", "as_sym_bool"})
    if (output.contains(tag)) {
      const Json& named = output.at(tag);
      names.push_back(named.at(named.contains("name") ? "name" : "as_name").get<std::string>());
      return;
    }
  if (output.contains("as_tensors"))
    for (const Json& item : output.at("as_tensors"))
      names.push_back(item.at("name").get<std::string>());
  else
    names.emplace_back();  // None: nothing uses it
}

// Returns the items of a list of tensors as values.
Values unpacked(Graph& graph, Value* list, size_t count) {
  torch::jit::Node* node = graph.insertNode(graph.createListUnpack(list, count));
  return {node->outputs().begin(), node->outputs().end()};
}

// An operator of tensors may return a number that the program uses: aten::item().
Value* as_declared(Graph& graph, const Json& output, Value* value) {
  constexpr struct {
    const char *tag, *function;
  } kNumbers[] = {
      {"as_sym_int", "aten::Int"}, {"as_sym_float", "aten::Float"}, {"as_sym_bool", "aten::Bool"}};
  for (const auto& [tag, function] : kNumbers)
    if (output.contains(tag) && value->type()->kind() == c10::TypeKind::NumberType)
      return add_call(graph, function, {value});
  return value;
}

// Assigns the names of the node's outputs to the values. Outputs that a twin does not have get no
// name, so that their use is an error.
void name_outputs(const Call& call, Values values) {
  Graph& graph = call.builder.graph();
  const Json& outputs = call.node.at("outputs");
  std::vector<std::string> names;
  for (const Json& output : outputs) append_names(output, names);
  if (values.size() == 1 && values[0]->type()->cast<c10::ListType>())
    values = unpacked(graph, values[0], names.size());
  if (values.size() == 1 && outputs.size() == 1)
    values[0] = as_declared(graph, outputs.at(0), values[0]);
  for (size_t i = 0; i < names.size() && i < values.size(); ++i)
    if (!names[i].empty()) call.builder.set(names[i], values[i]);
}

Values converted(const Call& call) {
  if (call.name.rfind("higher_order::", 0) == 0) return add_higher_order(call);
  if (const auto values = add_scalar(call)) return *values;
  if (const auto values = add_composite(call)) return *values;
  if (const auto values = add_twin(call)) return *values;
  if (call.name == call.target) call.refuse("this function of Python has no rule");
  return add_operator(call, call.name, call.overload, call.arguments());
}

std::string text_of(const Json& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : "";
}

// Sets the place of the nodes after `last`, and of those in their blocks. The scope of a node is
// the path of its module.
void mark(torch::jit::Block* block, torch::jit::Node* last, const Place& place) {
  for (auto* node = last->next(); node != block->return_node(); node = node->next()) {
    if (node->callstack()) continue;
    node->setSourceRange(place.range);
    node->setCallStack(place.callers);
    if (!place.module_path.empty())
      node->setScope(
          node->owningGraph()->current_scope()->push(c10::Symbol::scope(place.module_path)));
    for (auto* inner : node->blocks()) mark(inner, inner->return_node(), place);
  }
}

void add_node(Builder& builder, const Json& node) {
  const Json& metadata = node.at("metadata");
  const Place place = place_of(text_of(metadata, "stack_trace"),
                               text_of(metadata, "nn_module_stack"), builder.forward());
  const Call call = call_of(builder, node, place);
  torch::jit::Block* block = builder.graph().insertPoint()->owningBlock();
  torch::jit::Node* last = block->return_node()->prev();
  try {
    name_outputs(call, converted(call));
  } catch (const Refusal&) {
    throw;
  } catch (const Error& e) {
    call.refuse(e.what());
  }
  mark(block, last, place);
}

}  // namespace

Values add_graph(Builder& builder, const Json& graph, const Values& inputs) {
  Scope scope;
  if (const auto tensors = graph.find("tensor_values"); tensors != graph.end())
    scope.tensors = &*tensors;
  size_t next = 0;
  for (const Json& input : graph.at("inputs")) {
    std::vector<std::string> name;
    append_names(input, name);
    if (next == inputs.size()) throw Error("an inner graph has more inputs than it is given");
    scope.values[name.at(0)] = inputs[next++];
  }
  Scope outer = builder.exchange_scope(std::move(scope));
  for (const Json& node : graph.at("nodes")) add_node(builder, node);
  Values outputs;
  for (const Json& output : graph.at("outputs")) {
    Value* value = nullptr;
    for (const c10::TypePtr& type :
         {c10::TypePtr(c10::TensorType::get()), c10::TypePtr(c10::IntType::get()),
          c10::TypePtr(c10::BoolType::get()), c10::TypePtr(c10::FloatType::get()),
          c10::TypePtr(c10::StringType::get()), c10::TypePtr(c10::NoneType::get())})
      if (!value) value = builder.argument(output, type);
    if (!value) throw Error("the type of an output is not supported");
    outputs.push_back(value);
  }
  builder.exchange_scope(std::move(outer));
  return outputs;
}

}  // namespace torchstreamer::exported
