// Operators on lists and tuples.
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/slice_indices_adjust.h>

#include <algorithm>
#include <limits>
#include <map>

#include "graph/evaluate/collections.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

Object number_of_items(size_t n) { return Object(Value(IValue(static_cast<int64_t>(n)))); }

// Returns the items of operand `i`; null if it is not a list.
const Items* items_of_operand(const Use& use, size_t i) {
  const ItemsPtr* items = i < use.operands.size() ? use.operands[i].items() : nullptr;
  return items ? items->get() : nullptr;
}

Results list_length(const Use&, Items& items) { return {{number_of_items(items.size())}}; }

Results list_item(const Use& use, Items& items) { return {{items[use.index(1, items.size())]}}; }

Results set_list_item(const Use& use, Items& items) {
  items[use.index(1, items.size())] = use.operands.at(2);
  return {{use.operands[0]}};
}

Results append_to_list(const Use& use, Items& items) {
  items.push_back(use.operands.at(1));
  return {{use.operands[0]}};
}

// Beyond the ends of the list, an index means its start or its end.
Results insert_into_list(const Use& use, Items& items) {
  const int64_t size = static_cast<int64_t>(items.size());
  const int64_t index = wrapped_index(use.integer(1).value_or(0), size);
  items.insert(items.begin() + std::clamp<int64_t>(index, 0, size), use.operands.at(2));
  return std::vector<Object>();
}

Results pop_from_list(const Use& use, Items& items) {
  const auto index = static_cast<int64_t>(use.index(1, items.size()));
  Object last = items[index];
  items.erase(items.begin() + index);
  return {{last}};
}

Results delete_from_list(const Use& use, Items& items) {
  pop_from_list(use, items);
  return std::vector<Object>();
}

// Copies the items first, because both lists may be the same object.
Results extend_list(const Use& use, Items& items) {
  if (!items_of_operand(use, 1)) return std::nullopt;
  const Items more = *items_of_operand(use, 1);
  items.insert(items.end(), more.begin(), more.end());
  return std::vector<Object>(use.node->outputs().size(), use.operands[0]);
}

Results joined_lists(const Use& use, Items& items) {
  if (!items_of_operand(use, 1)) return std::nullopt;
  Items joined = items;
  joined.insert(joined.end(), items_of_operand(use, 1)->begin(), items_of_operand(use, 1)->end());
  return {{list_of(std::move(joined))}};
}

Items repeated_items(const Use& use, const Items& items) {
  Items all;
  for (int64_t i = 0; i < use.integer(1).value_or(0); ++i)
    all.insert(all.end(), items.begin(), items.end());
  return all;
}

Results repeated_list(const Use& use, Items& items) {
  return {{list_of(repeated_items(use, items))}};
}

Results repeat_list(const Use& use, Items& items) {
  items = repeated_items(use, items);
  return {{use.operands[0]}};
}

Results reverse_list(const Use& use, Items& items) {
  std::reverse(items.begin(), items.end());
  return std::vector<Object>(use.node->outputs().size(), use.operands[0]);
}

Results clear_list(const Use&, Items& items) {
  items.clear();
  return std::vector<Object>();
}

Results copied_list(const Use&, Items& items) { return {{list_of(items)}}; }

// (list, start, end, step).
Results sliced_list(const Use& use, Items& items) {
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const auto bound = [&](size_t i) { return use.integer(i).value_or(kNone); };
  int64_t start = bound(1), end = bound(2);
  const int64_t step = use.integer(3).value_or(1);
  const int64_t count =
      torch::jit::slice_indices_adjust(static_cast<int64_t>(items.size()), &start, &end, step);
  Items sliced;
  for (int64_t i = 0; i < count; ++i) sliced.push_back(items.at(start + i * step));
  return {{list_of(std::move(sliced))}};
}

// Attributes `beg` and `end` of the node bound the slice.
Results sliced_tuple(const Use& use, Items& items) {
  const auto at = [&](torch::jit::Symbol name) { return items.begin() + use.node->i(name); };
  return {{list_of(Items(at(torch::jit::attr::beg), at(torch::jit::attr::end)))}};
}

Results unpacked_list(const Use& use, Items& items) {
  if (items.size() != use.node->outputs().size())
    use.refuse("it unpacks a list of " + std::to_string(items.size()) + " items to " +
               std::to_string(use.node->outputs().size()) + " variables");
  return items;
}

// The pairs of a key and an item become a dictionary.
Results dict_of_pairs(const Use& use, Items& items) {
  auto entries = std::make_shared<Entries>();
  for (const Object& pair : items) {
    const Object& key = (**pair.items()).at(0);
    if (!key.constant()) use.refuse("a key depends on the signal");
    entries->set(*key.constant(), (**pair.items()).at(1));
  }
  return {{Object(entries)}};
}

}  // namespace

Results list_operation(const Use& use, Items& items) {
  using Rule = Results (*)(const Use&, Items&);
  static const std::map<std::string, Rule> rules = {
      {"aten::Delete", delete_from_list},  {"aten::__getitem__", list_item},
      {"aten::_set_item", set_list_item},  {"aten::add", joined_lists},
      {"aten::add_", extend_list},         {"aten::append", append_to_list},
      {"aten::clear", clear_list},         {"aten::copy", copied_list},
      {"aten::dict", dict_of_pairs},       {"aten::extend", extend_list},
      {"aten::insert", insert_into_list},  {"aten::len", list_length},
      {"aten::list", copied_list},         {"aten::mul", repeated_list},
      {"aten::mul_", repeat_list},         {"aten::pop", pop_from_list},
      {"aten::reverse", reverse_list},     {"aten::slice", sliced_list},
      {"prim::ListUnpack", unpacked_list}, {"prim::TupleIndex", list_item},
      {"prim::TupleSlice", sliced_tuple},  {"prim::TupleUnpack", unpacked_list},
  };
  const auto rule = rules.find(operator_name(use.node));
  return rule == rules.end() ? std::nullopt : rule->second(use, items);
}

}  // namespace torchstreamer::graph
