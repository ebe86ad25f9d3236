#include "graph/evaluate/object.h"

#include <algorithm>

namespace torchstreamer::graph {
namespace {

bool is_tensor_type(const c10::TypePtr& type) {
  const auto optional = type->cast<c10::OptionalType>();
  return (optional ? optional->getElementType() : type)->isSubtypeOf(*c10::TensorType::get());
}

template <class Container>
Object items_of(const Container& container, const c10::TypePtr& type) {
  auto items = std::make_shared<Items>();
  for (const auto& item : container)
    items->push_back(object_of(Value(item), item_type(type, items->size())));
  return Object(items);
}

Object entries_of(const c10::impl::GenericDict& dict, const c10::TypePtr& type) {
  auto entries = std::make_shared<Entries>();
  for (const auto& entry : dict)
    entries->all.emplace_back(entry.key(), object_of(Value(entry.value()), item_type(type, 0)));
  return Object(entries);
}

Object object_of_constant(const IValue& constant, const c10::TypePtr& type) {
  if (constant.isTensor()) return Object(std::make_shared<Memory>(Memory{Value(constant)}));
  if (constant.isTuple()) return items_of(constant.toTupleRef().elements(), type);
  if (constant.isList()) return items_of(constant.toListRef(), type);
  if (constant.isGenericDict()) return entries_of(constant.toGenericDict(), type);
  return Object(Value(constant));
}

// Returns item `i` of a constant list or tuple.
IValue constant_item(const IValue& list, size_t i) {
  return list.isTuple() ? list.toTupleRef().elements().at(i) : IValue(list.toList().get(i));
}

}  // namespace

c10::TypePtr item_type(const c10::TypePtr& type, size_t i) {
  if (const auto optional = type->cast<c10::OptionalType>())
    return item_type(optional->getElementType(), i);
  if (const auto tuple = type->cast<c10::TupleType>()) return tuple->elements().at(i);
  if (const auto list = type->cast<c10::ListType>()) return list->getElementType();
  if (const auto dict = type->cast<c10::DictType>()) return dict->getValueType();
  return c10::AnyType::get();
}

Value item_of(const Value& list, size_t i) {
  if (const IValue* constant = list.constant()) return Value(constant_item(*constant, i));
  if (const ListPtr* items = list.list()) return (*items)->at(i);
  const SymbolPtr* symbol = list.symbol();
  if (!symbol) return list;
  auto item = std::make_shared<Symbol>(
      [whole = *symbol, i](int64_t n) { return constant_item(whole->at(n), i); });
  item->is_heavy = (*symbol)->is_heavy;
  item->period_frames = (*symbol)->period_frames;
  return Value(item);
}

Object object_of(const Value& value, const c10::TypePtr& type) {
  if (const IValue* constant = value.constant()) return object_of_constant(*constant, type);
  if (const ListPtr* list = value.list()) return items_of(**list, type);
  if (const DictPtr* dict = value.dict()) {
    auto entries = std::make_shared<Entries>();
    for (const auto& [key, item] : (*dict)->items)
      entries->all.emplace_back(key, object_of(item, item_type(type, 0)));
    return Object(entries);
  }
  if (value.stream() || value.scores() || is_tensor_type(type))
    return Object(std::make_shared<Memory>(Memory{value}));
  return Object(value);
}

Object* Entries::find(const IValue& key) {
  for (auto& [known, item] : all)
    if (known == key) return &item;
  return nullptr;
}

void Entries::set(const IValue& key, Object item) {
  if (Object* known = find(key))
    *known = std::move(item);
  else
    all.emplace_back(key, std::move(item));
}

Object Entries::take(const IValue& key) {
  const auto entry =
      std::find_if(all.begin(), all.end(), [&](const auto& known) { return known.first == key; });
  Object item = std::move(entry->second);
  all.erase(entry);
  return item;
}

}  // namespace torchstreamer::graph
