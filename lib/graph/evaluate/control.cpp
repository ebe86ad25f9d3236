// Control flow, tuples and lists of the graph: what steers the evaluation.
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/plan/planner.h"

namespace torchstreamer::graph {

namespace {

bool raises(const torch::jit::Block* block) {
  for (const Node* node : block->nodes())
    if (node->kind() == torch::jit::prim::RaiseException) return true;
  return false;
}

}  // namespace

std::vector<Value> Planner::branch(const Node* node, const std::vector<Value>& args) {
  const bool raises_if_true = raises(node->blocks()[0]);
  const SymbolPtr* symbol = args[0].symbol();
  // The author's own check of the length.
  if (symbol && !(*symbol)->is_heavy && raises_if_true != raises(node->blocks()[1])) {
    require([symbol = *symbol,
             raises_if_true](int64_t n) { return symbol->at(n).toBool() != raises_if_true; },
            node, "the model raises an exception");
    return block(node->blocks()[raises_if_true ? 1 : 0]);
  }
  return block(node->blocks()[decide(args[0], node) ? 0 : 1]);
}

// Inputs: trip count, condition, carried values. Block: (index, carried) -> (condition, carried).
std::vector<Value> Planner::loop(const Node* node, const std::vector<Value>& args) {
  const int64_t trips = fixed_integer(args[0], node, "the number of rounds");
  bool goes_on = decide(args[1], node);
  const torch::jit::Block* body = node->blocks()[0];
  std::vector<Value> carried(args.begin() + 2, args.end());
  for (int64_t trip = 0; trip < trips && goes_on; ++trip) {
    values_[body->inputs()[0]] = Value(IValue(trip));
    for (size_t i = 0; i < carried.size(); ++i) values_[body->inputs()[i + 1]] = carried[i];
    const auto results = block(body);
    goes_on = decide(results[0], node);
    carried.assign(results.begin() + 1, results.end());
  }
  return carried;
}

std::vector<Value> Planner::unpack(const Node* node, const Value& packed) {
  if (const ListPtr* list = packed.list()) return **list;
  std::vector<Value> items;
  if (const IValue* constant = packed.constant()) {
    if (constant->isTuple())
      for (const IValue& item : constant->toTupleRef().elements()) items.emplace_back(item);
    else
      for (IValue item : constant->toList()) items.emplace_back(std::move(item));
    return items;
  }
  const SymbolPtr* symbol = packed.symbol();
  if (!symbol) return std::vector<Value>(node->outputs().size(), packed);
  for (size_t i = 0; i < node->outputs().size(); ++i)
    items.push_back(folded(std::make_shared<Symbol>([whole = *symbol, i](int64_t n) {
                             const IValue at = whole->at(n);
                             return at.isTuple() ? at.toTupleRef().elements()[i]
                                                 : IValue(at.toList().get(i));
                           }),
                           node));
  return items;
}

namespace {

using Items = std::vector<Value>;

// Python's index: from the end where it is negative. `end` may be one behind the last item.
size_t index_of(Planner& planner, const Node* node, const Value& value, size_t size, bool end) {
  const int64_t given = planner.fixed_integer(value, node, "the index");
  const int64_t index = given < 0 ? given + static_cast<int64_t>(size) : given;
  if (index < 0 || index >= static_cast<int64_t>(size) + (end ? 1 : 0))
    throw refusal(node, "the index is out of range");
  return static_cast<size_t>(index);
}

Value popped(Items& items, size_t index) {
  Value item = items[index];
  items.erase(items.begin() + static_cast<int64_t>(index));
  return item;
}

}  // namespace

// Lists live here, not in TorchScript, where their items could not be streams.
bool Planner::list_operation(const Node* node, std::vector<Value>& args,
                             std::vector<Value>& result) {
  if (args.empty() || !args[0].list()) return false;
  Items& items = **args[0].list();
  const std::string name = node->kind().toQualString();
  auto at = [&](size_t arg, bool end = false) {
    return index_of(*this, node, args[arg], items.size(), end);
  };
  if (name == "aten::len") {
    result = {Value(IValue(static_cast<int64_t>(items.size())))};
  } else if (name == "aten::__getitem__" || name == "prim::TupleIndex") {
    result = {items[at(1)]};
  } else if (name == "aten::append") {
    items.push_back(args[1]);
    result = {args[0]};
  } else if (name == "aten::_set_item") {
    items[at(1)] = args[2];
    result = {args[0]};
  } else if (name == "aten::insert") {
    items.insert(items.begin() + static_cast<int64_t>(at(1, true)), args[2]);
  } else if (name == "aten::pop") {
    result = {popped(items, at(1))};
  } else if (name == "aten::extend" && args[1].list()) {
    const Items more = **args[1].list();
    items.insert(items.end(), more.begin(), more.end());
  } else if (name == "aten::reverse" && args.size() == 1) {
    std::reverse(items.begin(), items.end());
  } else if (name == "aten::clear") {
    items.clear();
  } else if (name == "aten::add" && args[1].list()) {
    Items joined = items;
    joined.insert(joined.end(), (*args[1].list())->begin(), (*args[1].list())->end());
    result = {Value(std::make_shared<Items>(std::move(joined)))};
  } else {
    return false;
  }
  return true;
}

bool Planner::dict_operation(const Node* node, std::vector<Value>& args,
                             std::vector<Value>& result) {
  if (args.empty() || !args[0].dict()) return false;
  Dict& dict = **args[0].dict();
  const std::string name = node->kind().toQualString();
  const IValue* key = args.size() > 1 ? args[1].constant() : nullptr;
  if (name == "aten::__getitem__" && key) {
    const Value* item = dict.find(*key);
    if (!item) throw refusal(node, c10::str("the dictionary has no key ", *key));
    result = {*item};
  } else if (name == "aten::_set_item" && key) {
    dict.set(*key, args[2]);
  } else if (name == "aten::__contains__" && key) {
    result = {Value(IValue(dict.find(*key) != nullptr))};
  } else if (name == "aten::len") {
    result = {Value(IValue(static_cast<int64_t>(dict.items.size())))};
  } else if (name == "aten::values" || name == "aten::keys") {
    auto items = std::make_shared<Items>();
    for (const auto& [known, value] : dict.items)
      items->push_back(name == "aten::keys" ? Value(known) : value);
    result = {Value(items)};
  } else {
    throw refusal(node, "this use of a dictionary has no streaming rule");
  }
  return true;
}

bool Planner::decide(const Value& value, const Node* node) {
  if (const IValue* constant = value.constant()) return constant->toBool();
  if (const Poison* poison = value.poison()) throw poison->refusal;
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) throw refusal(node, "the branch depends on the samples of the signal");
  const auto values = samples(*symbol);
  for (const auto& [n, at] : values)
    if (at != values[0].second)
      throw refusal(node, "the branch depends on the length of the signal");
  expect(*symbol, values[0].second, node);
  return values[0].second.toBool();
}

}  // namespace torchstreamer::graph
