#include "graph/evaluate/collections.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

using Items = std::vector<Value>;
using Results = std::optional<std::vector<Value>>;

// Converts an index of Python, which counts from the end if it is negative. `end`: the index may be
// `size`.
size_t index_of(const Call& call, const Value& value, size_t size, bool end) {
  const int64_t given = call.lengths.fixed_integer(value, call.node, "the index");
  const int64_t index = wrapped_index(given, static_cast<int64_t>(size));
  if (index < 0 || index >= static_cast<int64_t>(size) + (end ? 1 : 0))
    call.refuse("the index is out of range");
  return static_cast<size_t>(index);
}

Value popped(Items& items, size_t index) {
  Value item = items[index];
  items.erase(items.begin() + static_cast<int64_t>(index));
  return item;
}

Results list_operation(const Call& call) {
  const auto& args = call.args;
  Items& items = **args[0].list();
  const std::string name = operator_name(call.node);
  std::vector<Value> result;
  auto at = [&](size_t arg, bool end = false) {
    return index_of(call, args[arg], items.size(), end);
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
    return std::nullopt;
  }
  return result;
}

Results dict_operation(const Call& call) {
  const auto& args = call.args;
  Dict& dict = **args[0].dict();
  const std::string name = operator_name(call.node);
  std::vector<Value> result;
  const IValue* key = args.size() > 1 ? args[1].constant() : nullptr;
  if (name == "aten::__getitem__" && key) {
    const Value* item = dict.find(*key);
    if (!item) call.refuse(c10::str("the dictionary has no key ", *key));
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
    call.refuse("this use of a dictionary has no streaming rule");
  }
  return result;
}

}  // namespace

// Lists are evaluated here, not by TorchScript, whose lists cannot hold streams.
std::optional<std::vector<Value>> collection_operation(const Call& call) {
  if (call.args.empty()) return std::nullopt;
  if (call.args[0].list()) return list_operation(call);
  if (call.args[0].dict()) return dict_operation(call);
  return std::nullopt;
}

std::vector<Value> unpack(const Call& call) {
  const Value& packed = call.args[0];
  const size_t outputs = call.node->outputs().size();
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
  if (!symbol) return std::vector<Value>(outputs, packed);
  for (size_t i = 0; i < outputs; ++i)
    items.push_back(call.lengths.folded(std::make_shared<Symbol>([whole = *symbol, i](int64_t n) {
                                          const IValue at = whole->at(n);
                                          return at.isTuple() ? at.toTupleRef().elements()[i]
                                                              : IValue(at.toList().get(i));
                                        }),
                                        call.node));
  return items;
}

}  // namespace torchstreamer::graph
