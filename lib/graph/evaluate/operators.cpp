#include "graph/evaluate/operators.h"

#include <set>

#include "graph/evaluate/positional.h"
#include "graph/plan/integer_arguments.h"
#include "graph/plan/symbolic.h"
#include "graph/rules/attention.h"
#include "graph/rules/table.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

using Names = std::set<std::string>;

// Returns true for operators that return a property of a tensor which depends neither on its
// samples nor on its length.
bool asks_for_format(const std::string& name) {
  static const Names names = {"aten::dim",        "aten::is_floating_point",
                              "aten::is_complex", "prim::dtype",
                              "prim::device",     "prim::layout",
                              "prim::is_cuda",    "aten::is_cuda",
                              "aten::__is__",     "aten::__isnot__",
                              "prim::is_nested"};
  return names.count(name) > 0;
}

// Returns true for operators whose result depends on the shape of a tensor, but not on its samples.
bool asks_for_length(const std::string& name) {
  static const Names names = {"aten::len",       "aten::numel",    "aten::stride",
                              "aten::new_zeros", "aten::new_ones", "aten::new_full",
                              "aten::new_empty"};
  return names.count(name) > 0;
}

// Returns true for operators that return if gradients are computed. Their result is true, because
// transformer layers without gradients use a fused operator, which has no streaming rule.
bool asks_for_gradients(const std::string& name) {
  return name == "aten::is_grad_enabled" || name == "prim::requires_grad";
}

// Returns true for operators that use only the type and the device of a stream.
bool is_made_like(const std::string& name, const std::vector<Value>& args) {
  return (name == "aten::type_as" || name == "aten::to") && !args[0].find<Stream>();
}

bool makes_tensors(const Node* node) {
  for (const auto* output : node->outputs()) {
    const auto& type = output->type();
    if (type->isSubtypeOf(*c10::TensorType::get())) return true;
    const auto list = type->cast<c10::ListType>();
    if (list && list->getElementType()->isSubtypeOf(*c10::TensorType::get())) return true;
  }
  return false;
}

template <class T>
bool has(const std::vector<Value>& args) {
  for (const Value& arg : args)
    if (arg.find<T>()) return true;
  return false;
}

std::vector<Value> compute_scores(const Call& call, const std::string& name) {
  const bool asks = asks_for_format(name) || asks_for_length(name) || name == "aten::size";
  return asks ? shape_of_scores(call) : attention_scores(call);
}

// Computes an operator with a stream among its arguments.
std::vector<Value> compute_streams(const Call& call, const std::string& name, Rule rule) try {
  require_supported_integers(call, rule != nullptr);
  if (name == "aten::size" && call.args[0].stream()) return size(call);
  if (asks_for_length(name) || is_made_like(name, call.args)) return symbolic(call);
  if (asks_for_format(name) && !has<SymbolPtr>(call.args)) return run(call, 1);
  if (rule) return rule(call);
  if (!call.node->kind().is_aten()) call.refuse("this construct has no streaming rule");
  if (!makes_tensors(call.node))
    call.refuse(
        "it computes a Python value from the samples of the signal; the lengths and the control "
        "flow of the model may depend only on the shape of the signal");
  return rule_of_others(call);
} catch (const Error&) {
  throw;
} catch (const std::exception& e) {
  call.refuse_shape(reason_of(e));
}

}  // namespace

Operators::Operators(Plan& plan, Lengths& lengths)
    : plan_(plan),
      lengths_(lengths),
      as_stream_([this](const SymbolPtr& symbol, const Stream& like, const Node* node) {
        return Positional(plan_, lengths_, *this).as_stream(symbol, like, node);
      }) {}

std::vector<Value> Operators::compute(Node* node, const std::vector<Value>& args) const {
  for (const Value& arg : args)
    if (const Poison* poison = arg.find<Poison>())
      return std::vector<Value>(node->outputs().size(), Value(*poison));
  const std::string name = operator_name(node);
  const Rule rule = find_rule(name);  // a rule itself refuses random results
  if (node->isNondeterministic() && !rule) throw refusal(node, "it is random");
  if (asks_for_gradients(name)) return {Value(IValue(true))};
  const Call operation = call(node, args);
  if (has<ScoresPtr>(args)) return compute_scores(operation, name);
  if (has<Stream>(args)) return compute_streams(operation, name, rule);
  return has<SymbolPtr>(args) ? symbolic(operation) : run(operation, 0);
}

}  // namespace torchstreamer::graph
