// Branches, loops, exceptions and contexts.
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>

#include "graph/evaluate/choice.h"
#include "graph/evaluate/evaluator.h"
#include "graph/evaluate/statements.h"

namespace torchstreamer::graph {
namespace {

namespace prim = torch::jit::prim;

bool raises(const torch::jit::Block* block) { return raise_in(block) != nullptr; }

// Returns true if a value is computed from the samples of the signal.
bool depends_on_samples(const Value& value) { return !value.constant() && !value.symbol(); }

}  // namespace

std::vector<Object> Evaluator::branch(Node* node, const Object& condition) {
  const auto blocks = node->blocks();
  const bool raises_if_true = raises(blocks[0]);
  if (raises_if_true != raises(blocks[1])) {
    const Value value = heap_.content(condition);
    auto* passed = blocks[raises_if_true ? 1 : 0];
    // The model itself checks samples. A stream leaves the check out.
    if (depends_on_samples(value)) return block(passed);
    const SymbolPtr symbol = value.symbol()
                                 ? *value.symbol()
                                 : lengths_.unfolded(node->input(0)->node(), *value.constant());
    if (symbol && !symbol->is_heavy) return checked(node, symbol, raises_if_true);
  }
  if (is_logical(node))
    if (auto result = logical(node)) return {*result};
  if (is_pure(blocks[0]) && is_pure(blocks[1])) return either(node, condition);
  return block(blocks[decide(condition, node) ? 0 : 1]);
}

// Evaluates both blocks if the condition depends on the length of the signal.
std::vector<Object> Evaluator::either(Node* node, const Object& condition) {
  const auto blocks = node->blocks();
  const Value value = heap_.content(condition);
  const SymbolPtr* symbol = value.symbol();
  if (!symbol || (*symbol)->is_heavy || lengths_.folded(*symbol, node).constant())
    return block(blocks[decide(condition, node) ? 0 : 1]);
  Choice choice(heap_, lengths_, node, *symbol);
  std::vector<Object> results[2];
  for (const size_t i : {0, 1}) {
    for (Node* inner : blocks[i]->nodes())
      if (is_padding(inner))
        objects_.insert_or_assign(inner->output(0),
                                  choice.padded(inner, objects(inner->inputs()), i == 0));
      else
        evaluate(inner);
    results[i] = objects(blocks[i]->outputs());
  }
  std::vector<Object> merged;
  for (size_t i = 0; i < node->outputs().size(); ++i)
    merged.push_back(choice.merged(results[0][i], results[1][i], node->output(i)->type()));
  return merged;
}

// Returns the function of the length that a constant stands for, if only one node needs the value:
// others may rely on the constant.
Value Evaluator::unfolded(const torch::jit::Value* value) {
  const Value content = heap_.content(objects_.at(value));
  if (!content.constant() || value->uses().size() != 1) return content;
  const SymbolPtr symbol = lengths_.unfolded(value->node(), *content.constant());
  return symbol ? Value(symbol) : content;
}

// Evaluates an `and` or `or` as a function of the length, although a comparison may have one result
// for all sampled lengths: a check of the model may refuse them all, and take others. Returns
// nothing if a part of it does not depend on the length alone.
std::optional<Object> Evaluator::logical(Node* node) {
  const auto blocks = node->blocks();
  const Value condition = unfolded(node->input(0));
  if (const IValue* constant = condition.constant()) {
    auto* run = blocks[constant->toBool() ? 0 : 1];
    const Object result = block(run).at(0);
    const Value value = unfolded(run->outputs()[0]);
    return value.symbol() ? Object(lengths_.folded(*value.symbol(), node)) : result;
  }
  const SymbolPtr* symbol = condition.symbol();
  if (!symbol || (*symbol)->is_heavy) return std::nullopt;
  std::vector<Value> results;
  for (auto* inner : blocks) {
    block(inner);
    results.push_back(unfolded(inner->outputs()[0]));
    if (!results.back().constant() && !results.back().symbol()) {
      lengths_.folded(*symbol, node->input(0)->node());
      return std::nullopt;
    }
  }
  const Choice choice(heap_, lengths_, node, *symbol);
  return Object(choice.selected(results[0], results[1], node->output(0)->type()));
}

// The model itself checks the length.
std::vector<Object> Evaluator::checked(Node* node, const SymbolPtr& condition,
                                       bool raises_if_true) {
  const auto holds = [condition, raises_if_true](int64_t n) {
    return condition->at(n).toBool() != raises_if_true;
  };
  const auto& accepted = lengths_.accepted();
  const auto refused = std::find_if_not(accepted.begin(), accepted.end(), holds);
  auto* raising = node->blocks()[raises_if_true ? 0 : 1];
  const std::string text =
      exception_text(raising, refused == accepted.end() ? accepted[0] : *refused);
  lengths_.require(holds, raise_in(raising), {condition}, "the model raises " + text);
  return block(node->blocks()[raises_if_true ? 1 : 0]);
}

// Inputs: trip count, condition, carried values. Block: (index, carried) -> (condition, carried).
std::vector<Object> Evaluator::loop(Node* node, const std::vector<Object>& operands) {
  const int64_t trips =
      lengths_.fixed_integer(heap_.content(operands[0]), node, "the number of rounds");
  bool continues = decide(operands[1], node);
  torch::jit::Block* body = node->blocks()[0];
  std::vector<Object> carried(operands.begin() + 2, operands.end());
  for (int64_t trip = 0; trip < trips && continues; ++trip) {
    objects_.insert_or_assign(body->inputs()[0], Object(Value(IValue(trip))));
    for (size_t i = 0; i < carried.size(); ++i)
      objects_.insert_or_assign(body->inputs()[i + 1], carried[i]);
    const auto results = block(body);
    continues = decide(results[0], node);
    carried.assign(results.begin() + 1, results.end());
  }
  return carried;
}

bool Evaluator::decide(const Object& condition, const Node* node) {
  const Value value = heap_.content(condition);
  if (const IValue* constant = value.constant()) return constant->toBool();
  if (const Poison* poison = value.poison()) throw poison->refusal;
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) throw refusal(node, "the branch depends on the samples of the signal");
  return lengths_.fixed(*symbol, node, "the branch").toBool();
}

// Context managers of PyTorch are left out; the methods of others are evaluated.
Object Evaluator::enter_or_exit(Node* node, const Object& manager) {
  const IValue* object = manager.constant();
  if (!object || !object->isObject()) throw refusal(node, "the context manager is not known");
  if (is_without_effect(node, *object, attributes_, plan_.source().device)) return manager;
  const bool enters = node->kind() == prim::Enter;
  const auto& method = object->toObject()->type()->getMethod(enters ? "__enter__" : "__exit__");
  const auto graph = torch::jit::toGraphFunction(method).graph()->copy();
  torch::jit::Inline(*graph);
  methods_.push_back(graph);
  // (self), or (self, type, value, traceback).
  for (const auto* input : graph->inputs())
    objects_.insert_or_assign(input, Object(Value(IValue())));
  objects_.insert_or_assign(graph->inputs()[0], manager);
  return block(graph->block()).at(0);
}

// Returns the text of the exception that a block raises, for a signal of `source_frames`. The block
// does not run in a stream: nodes with effects are not evaluated.
std::string Evaluator::exception_text(torch::jit::Block* block, int64_t source_frames) {
  for (Node* node : block->nodes()) {
    if (node->kind() == prim::RaiseException) return exception_text(node, source_frames);
    if (has_effects(node) || node->hasSideEffects()) break;
    evaluate(node);
  }
  return "an exception";
}

// Returns the text in quotes, if it does not depend on samples.
std::string Evaluator::exception_text(const Node* raise, int64_t source_frames) const {
  const Value text = heap_.content(objects_.at(raise->input(0)));
  if (depends_on_samples(text)) return "an exception";
  const IValue value = value_at(text, raise->input(0)->type(), source_frames, nullptr);
  return value.isString() ? "\"" + value.toStringRef() + "\"" : "an exception";
}

}  // namespace torchstreamer::graph
