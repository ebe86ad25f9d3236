#include "graph/evaluate/choice.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>

namespace torchstreamer::graph {
namespace {

// Returns a number for the lengths for which `condition` is `holds`, and 0 for the others.
Value number_or_zero(const Value& number, const SymbolPtr& condition, bool holds) {
  if (number.constant() && number.constant()->toInt() == 0) return number;
  return Value(std::make_shared<Symbol>([=](int64_t n) {
    const bool runs = condition->at(n).toBool() == holds;
    return runs ? value_at(number, c10::IntType::get(), n, nullptr) : IValue(int64_t{0});
  }));
}

bool is_tensor_result(const torch::jit::Value* value) {
  return value->type()->isSubtypeOf(*c10::TensorType::get()) ||
         value->type()->isSubtypeOf(*c10::ListType::ofTensors());
}

bool is_boolean(const torch::jit::Value* value) {
  return value->type()->isSubtypeOf(*c10::BoolType::get());
}

// Returns a boolean that depends on booleans only. `args`: the condition of the branch and its two
// results.
SymbolPtr boolean_symbol(Node* branch, const std::vector<Value>& args,
                         std::function<IValue(int64_t)> rule) {
  const auto symbol =
      std::make_shared<Symbol>(std::move(rule), std::make_shared<Origin>(Origin{branch, args, 0}));
  symbol->period_frames = 1;
  for (const Value& arg : args)
    if (const SymbolPtr* part = arg.symbol())
      symbol->period_frames = common_period(symbol->period_frames, (*part)->period_frames);
  return symbol;
}

}  // namespace

const Node* raise_in(const torch::jit::Block* block) {
  for (const Node* node : block->nodes())
    if (node->kind() == torch::jit::prim::RaiseException) return node;
  return nullptr;
}

bool is_logical(const Node* node) {
  if (node->outputs().size() != 1 || !is_boolean(node->output(0))) return false;
  if (node->kind() != torch::jit::prim::If) {
    const auto inputs = node->inputs();
    return !inputs.empty() && node->blocks().empty() &&
           std::all_of(inputs.begin(), inputs.end(), is_boolean);
  }
  const auto blocks = node->blocks();
  return std::all_of(blocks.begin(), blocks.end(), [](const torch::jit::Block* block) {
    return is_pure(block) && !raise_in(block);
  });
}

bool is_padding(const Node* node) {
  const std::string name = operator_name(node);
  return name == "aten::pad" || name == "aten::constant_pad_nd";
}

bool has_effects(const Node* node) {
  const auto* schema = node->maybeSchema();
  const bool is_mutable = schema && schema->is_mutable();
  const bool has_blocks = !node->blocks().empty() && !is_logical(node);
  return is_mutable || node->kind() == torch::jit::prim::SetAttr || has_blocks;
}

bool is_pure(const torch::jit::Block* block) {
  for (const Node* node : block->nodes()) {
    if (has_effects(node)) return false;
    for (const auto* output : node->outputs())
      if (is_tensor_result(output) && !is_padding(node)) return false;
  }
  return true;
}

Object Choice::padded(Node* node, std::vector<Object> operands, bool holds) {
  const Value amounts = heap_.content(operands[1]);
  const ItemsPtr items = std::make_shared<Items>();
  const Object list = object_of(amounts, node->input(1)->type());
  for (const Object& amount : **list.items())
    items->push_back(Object(number_or_zero(heap_.content(amount), condition_, holds)));
  const MemoryPtr original = *operands[0].memory();
  operands[1] = Object(items);
  Object result = heap_.compute(node, operands).at(0);
  if (result.memory()) {
    const auto known = unpadded_.find(original.get());
    unpadded_[result.memory()->get()] = known == unpadded_.end() ? original : known->second;
  }
  return result;
}

Object Choice::merged(const Object& yes, const Object& no, const c10::TypePtr& type) const {
  if (yes.memory() && no.memory()) {
    const auto is_padded = [&](const Object& padded, const Object& original) {
      const auto found = unpadded_.find(padded.memory()->get());
      return found != unpadded_.end() && found->second == *original.memory();
    };
    if (*yes.memory() == *no.memory() || is_padded(yes, no)) return yes;
    if (is_padded(no, yes)) return no;
  }
  const auto *yes_items = yes.items(), *no_items = no.items();
  if (yes_items && no_items && (*yes_items)->size() == (*no_items)->size()) {
    Items items;
    for (size_t i = 0; i < (*yes_items)->size(); ++i)
      items.push_back(merged((**yes_items)[i], (**no_items)[i], c10::AnyType::get()));
    return list_of(std::move(items));
  }
  return object_of(selected(heap_.content(yes), heap_.content(no), type), type);
}

Value Choice::selected(const Value& yes, const Value& no, const c10::TypePtr& type) const {
  for (const Value* value : {&yes, &no})
    if (!value->constant() && !value->symbol())
      throw refusal(branch_, "the branch depends on the length of the signal");
  const auto rule = [=, condition = condition_](int64_t n) {
    return value_at(condition->at(n).toBool() ? yes : no, type, n, nullptr);
  };
  const SymbolPtr symbol = is_logical(branch_)
                               ? boolean_symbol(branch_, {Value(condition_), yes, no}, rule)
                               : std::make_shared<Symbol>(rule);
  return lengths_.folded(symbol, branch_);
}

}  // namespace torchstreamer::graph
