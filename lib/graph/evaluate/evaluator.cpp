#include "graph/evaluate/evaluator.h"

#include <torch/csrc/jit/ir/constants.h>

#include <set>

#include "graph/evaluate/collections.h"

namespace torchstreamer::graph {
namespace {

namespace prim = torch::jit::prim;
namespace attr = torch::jit::attr;

bool raises(const torch::jit::Block* block) {
  for (const Node* node : block->nodes())
    if (node->kind() == prim::RaiseException) return true;
  return false;
}

Value make_dict(const Call& call) {
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i + 1 < call.args.size(); i += 2) {
    if (!call.args[i].constant()) call.refuse("a key depends on the signal");
    dict->set(*call.args[i].constant(), call.args[i + 1]);
  }
  return Value(dict);
}

// Returns the exception's text if it is a constant.
std::string raised(const Call& call) {
  const IValue* text = call.args[0].constant();
  return text && text->isString() ? text->toStringRef() : "an exception";
}

// Returns the different sizes of the constant tensors among the arguments, but 1.
std::vector<int64_t> sizes_of_constants(const std::vector<Value>& args) {
  std::set<int64_t> sizes;
  for (const Value& arg : args)
    if (const IValue* constant = arg.constant();
        constant && constant->isTensor() && constant->toTensor().defined())
      for (const int64_t size : constant->toTensor().sizes()) sizes.insert(size);
  sizes.erase(1);
  return {sizes.begin(), sizes.end()};
}

// Returns the value of a node that constructs one value, such as a list; none for other nodes.
std::optional<Value> constructed(const Call& call) {
  const Node* node = call.node;
  const auto& args = call.args;
  switch (node->kind()) {
    case prim::Constant:
      return Value(*torch::jit::toIValue(node->output()));
    case prim::GetAttr:
      if (!args[0].constant()) return std::nullopt;
      return Value(args[0].constant()->toObject()->getAttr(node->s(attr::name)));
    case prim::SetAttr:
      call.refuse("the model changes its own attribute '" + node->s(attr::name) + "'");
    case prim::ListConstruct:
    case prim::TupleConstruct:
      return Value(std::make_shared<std::vector<Value>>(args));
    case prim::DictConstruct:
      return make_dict(call);
    case prim::Uninitialized:
      return Value(Poison{refusal(node, "a value that was never set")});
    case prim::RaiseException:
      call.refuse("the model raises " + raised(call));
    case prim::unchecked_cast:
    case prim::unchecked_unwrap_optional:
    case torch::jit::aten::_unwrap_optional:
      return args[0];
    default:
      return std::nullopt;
  }
}

}  // namespace

Evaluator::Evaluator(std::shared_ptr<torch::jit::Graph> graph, IValue module, Format source,
                     const std::vector<int64_t>& shape, Padding padding, int64_t shortest_frames)
    : graph_(std::move(graph)),
      lengths_(shortest_frames),
      plan_(std::move(source), shape, padding, lengths_.sampled()) {
  const auto inputs = graph_->inputs();
  const auto forward = module.toObject()->type()->getMethod("forward").getSchema().arguments();
  for (size_t i = 2; i < inputs.size(); ++i)
    values_.emplace(inputs[i], Value(*forward[i].default_value()));
  values_.emplace(inputs[0], Value(std::move(module)));
  values_.emplace(inputs[1], Value(plan_.signal()));
}

Returned Evaluator::run() {
  const auto outputs = block(graph_->block());
  if (outputs.size() != 1) throw Error("forward() returns nothing");
  return {outputs[0], graph_->outputs()[0]->node()};
}

std::vector<Value> Evaluator::block(const torch::jit::Block* block) {
  for (Node* node : const_cast<torch::jit::Block*>(block)->nodes()) {
    const auto results = evaluate(node);
    for (const Value& result : results) is_poisoned_ |= result.poison() != nullptr;
    if (!is_poisoned_) ++progress_;
    for (size_t i = 0; i < results.size(); ++i) values_[node->output(i)] = results[i];
  }
  std::vector<Value> outputs;
  for (const auto* output : block->outputs()) outputs.push_back(values_.at(output));
  return outputs;
}

std::vector<Value> Evaluator::evaluate(Node* node) {
  std::vector<Value> args;
  for (const auto* input : node->inputs()) args.push_back(values_.at(input));
  const Call call = operators_.call(node, std::move(args));
  if (auto value = constructed(call)) return {*value};
  if (node->kind() == prim::ListUnpack || node->kind() == prim::TupleUnpack) {
    in_place_.aliases().add_outputs(node);
    return unpack(call);
  }
  if (node->kind() == prim::If) return branch(call);
  if (node->kind() == prim::Loop) return loop(call);
  if (auto results = collection_operation(call)) return *results;
  return evaluate_operator(call);
}

// Returns Poison for an operator that is refused: the model is refused only if its output needs it.
std::vector<Value> Evaluator::evaluate_operator(const Call& call) {
  try {
    if (writes_in_place(call.node)) return in_place_.write(call.node, call.args);
    in_place_.aliases().add_outputs(call.node);
    return operators_.compute(call.node, call.args);
  } catch (const Refusal& e) {
    const size_t outputs = call.node->outputs().size();
    if (outputs == 0) throw;
    if (!is_poisoned_) refused_sizes_ = sizes_of_constants(call.args);
    return std::vector<Value>(outputs, Value(Poison{e}));
  }
}

std::vector<Value> Evaluator::branch(const Call& call) {
  const auto blocks = call.node->blocks();
  const bool raises_if_true = raises(blocks[0]);
  const SymbolPtr* symbol = call.args[0].symbol();
  // The model itself checks the length.
  if (symbol && !(*symbol)->is_heavy && raises_if_true != raises(blocks[1])) {
    lengths_.require([symbol = *symbol, raises_if_true](
                         int64_t n) { return symbol->at(n).toBool() != raises_if_true; },
                     call.node, {*symbol}, "the model raises an exception");
    return block(blocks[raises_if_true ? 1 : 0]);
  }
  return block(blocks[decide(call.args[0], call.node) ? 0 : 1]);
}

// Inputs: trip count, condition, carried values. Block: (index, carried) -> (condition, carried).
std::vector<Value> Evaluator::loop(const Call& call) {
  const int64_t trips = lengths_.fixed_integer(call.args[0], call.node, "the number of rounds");
  bool continues = decide(call.args[1], call.node);
  const torch::jit::Block* body = call.node->blocks()[0];
  std::vector<Value> carried(call.args.begin() + 2, call.args.end());
  for (int64_t trip = 0; trip < trips && continues; ++trip) {
    values_[body->inputs()[0]] = Value(IValue(trip));
    for (size_t i = 0; i < carried.size(); ++i) values_[body->inputs()[i + 1]] = carried[i];
    const auto results = block(body);
    continues = decide(results[0], call.node);
    carried.assign(results.begin() + 1, results.end());
  }
  return carried;
}

bool Evaluator::decide(const Value& value, const Node* node) {
  if (const IValue* constant = value.constant()) return constant->toBool();
  if (const Poison* poison = value.poison()) throw poison->refusal;
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) throw refusal(node, "the branch depends on the samples of the signal");
  return lengths_.fixed(*symbol, node, "the branch").toBool();
}

}  // namespace torchstreamer::graph
