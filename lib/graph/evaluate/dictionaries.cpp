// Operators on dictionaries.
#include <c10/util/StringUtil.h>

#include <map>

#include "graph/evaluate/collections.h"

namespace torchstreamer::graph {
namespace {

const IValue& key_of(const Use& use) {
  const IValue* key = use.operands.at(1).constant();
  if (!key) use.refuse("a key depends on the signal");
  return *key;
}

Object boolean(bool value) { return Object(Value(IValue(value))); }

[[noreturn]] void refuse_key(const Use& use) {
  use.refuse(c10::str("the dictionary has no key ", key_of(use)));
}

Results dict_item(const Use& use, Entries& entries) {
  const Object* found = entries.find(key_of(use));
  if (!found) refuse_key(use);
  return {{*found}};
}

Results set_dict_item(const Use& use, Entries& entries) {
  entries.set(key_of(use), use.operands.at(2));
  return std::vector<Object>();
}

Results dict_contains(const Use& use, Entries& entries) {
  return {{boolean(entries.find(key_of(use)) != nullptr)}};
}

Results dict_length(const Use&, Entries& entries) {
  return {{Object(Value(IValue(static_cast<int64_t>(entries.all.size()))))}};
}

Results dict_keys(const Use&, Entries& entries) {
  Items items;
  for (const auto& [key, item] : entries.all) items.emplace_back(Value(key));
  return {{list_of(std::move(items))}};
}

Results dict_values(const Use&, Entries& entries) {
  Items items;
  for (const auto& [key, item] : entries.all) items.push_back(item);
  return {{list_of(std::move(items))}};
}

Results dict_pairs(const Use&, Entries& entries) {
  Items items;
  for (const auto& [key, item] : entries.all) items.push_back(list_of({Object(Value(key)), item}));
  return {{list_of(std::move(items))}};
}

// Returns the default of dict_get() and pop_from_dict(); None if they are given none.
Object default_of(const Use& use) {
  return use.operands.size() > 2 ? use.operands[2] : Object(Value(IValue()));
}

Results dict_get(const Use& use, Entries& entries) {
  const Object* found = entries.find(key_of(use));
  return {{found ? *found : default_of(use)}};
}

Results pop_from_dict(const Use& use, Entries& entries) {
  if (entries.find(key_of(use))) return {{entries.take(key_of(use))}};
  if (use.operands.size() < 3) refuse_key(use);
  return {{default_of(use)}};
}

Results delete_from_dict(const Use& use, Entries& entries) {
  if (!entries.find(key_of(use))) refuse_key(use);
  entries.take(key_of(use));
  return std::vector<Object>();
}

// TorchScript takes the first entry, Python the last one.
Results pop_first_of_dict(const Use& use, Entries& entries) {
  if (entries.all.empty()) use.refuse("the dictionary is empty");
  const IValue key = entries.all.front().first;
  return {{list_of({Object(Value(key)), entries.take(key)})}};
}

Results set_dict_default(const Use& use, Entries& entries) {
  if (!entries.find(key_of(use))) entries.set(key_of(use), use.operands.at(2));
  return {{*entries.find(key_of(use))}};
}

Results update_dict(const Use& use, Entries& entries) {
  const EntriesPtr* others = use.operands.at(1).entries();
  if (!others) use.refuse("it is updated by an object that is not a dictionary");
  const Entries more = **others;
  for (const auto& [key, item] : more.all) entries.set(key, item);
  return std::vector<Object>();
}

Results copied_dict(const Use&, Entries& entries) {
  return {{Object(std::make_shared<Entries>(entries))}};
}

Results clear_dict(const Use&, Entries& entries) {
  entries.all.clear();
  return std::vector<Object>();
}

}  // namespace

Results dict_operation(const Use& use, Entries& entries) {
  using Rule = Results (*)(const Use&, Entries&);
  static const std::map<std::string, Rule> rules = {
      {"aten::Delete", delete_from_dict},   {"aten::__contains__", dict_contains},
      {"aten::__getitem__", dict_item},     {"aten::_set_item", set_dict_item},
      {"aten::clear", clear_dict},          {"aten::copy", copied_dict},
      {"aten::dict", copied_dict},          {"aten::get", dict_get},
      {"aten::items", dict_pairs},          {"aten::keys", dict_keys},
      {"aten::len", dict_length},           {"aten::pop", pop_from_dict},
      {"aten::popitem", pop_first_of_dict}, {"aten::setdefault", set_dict_default},
      {"aten::update", update_dict},        {"aten::values", dict_values},
  };
  const auto rule = rules.find(operator_name(use.node));
  if (rule == rules.end()) use.refuse("this use of a dictionary has no streaming rule");
  return rule->second(use, entries);
}

}  // namespace torchstreamer::graph
