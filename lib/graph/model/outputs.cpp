#include "graph/model/outputs.h"

#include <ATen/ScalarOps.h>
#include <ATen/core/jit_type.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "graph/evaluate/object.h"
#include "support/parsed_number.h"
#include "support/wrong_option.h"

namespace torchstreamer::graph {
namespace {

// Items of a list, tuple or dictionary with their keys, which are numbers for a list.
template <class T>
using KeyedItems = std::vector<std::pair<IValue, T>>;

// Appends items; false for other values.
bool append_items(const IValue& value, KeyedItems<IValue>& items) {
  const auto append = [&](const IValue& item) {
    items.emplace_back(static_cast<int64_t>(items.size()), item);
  };
  if (value.isTuple())
    for (const IValue& item : value.toTupleRef().elements()) append(item);
  else if (value.isGenericDict())
    for (const auto& entry : value.toGenericDict()) items.emplace_back(entry.key(), entry.value());
  else if (value.isList())
    for (const IValue& item : value.toListRef()) append(item);
  else
    return false;
  return true;
}

bool append_items(const Value& value, KeyedItems<Value>& items) {
  if (const IValue* constant = value.constant()) {
    KeyedItems<IValue> constants;
    if (!append_items(*constant, constants)) return false;
    for (auto& [key, item] : constants) items.emplace_back(key, Value(std::move(item)));
  } else if (const ListPtr* list = value.list()) {
    for (const Value& item : **list) items.emplace_back(static_cast<int64_t>(items.size()), item);
  } else if (const DictPtr* dict = value.dict()) {
    for (const auto& [key, item] : (*dict)->items) items.emplace_back(key, item);
  } else {
    return false;
  }
  return true;
}

// Returns the name of item `i` in a value of this type: the field of a named tuple, otherwise the
// key.
std::string item_name(const c10::TypePtr& type, size_t i, const IValue& key) {
  const auto tuple = type->cast<c10::TupleType>();
  if (tuple && tuple->schema()) return tuple->schema()->arguments().at(i).name();
  return key.isString() ? key.toStringRef() : c10::str(key);
}

// Defines the order of the tensors for both kinds of values. Calls visit(leaf, name).
template <class T, class Visit>
void visit_leaves(const T& value, const c10::TypePtr& type, const std::string& name,
                  const Visit& visit) {
  KeyedItems<T> items;
  if (!append_items(value, items)) return visit(value, name);
  for (size_t i = 0; i < items.size(); ++i)
    visit_leaves(items[i].second, item_type(type, i),
                 (name.empty() ? "" : name + ".") + item_name(type, i, items[i].first), visit);
}

bool is_tensor(const Value& value, int64_t source_frames) {
  if (const IValue* constant = value.constant()) return constant->isTensor();
  const SymbolPtr* symbol = value.symbol();
  return !symbol || (*symbol)->is_heavy || (*symbol)->at(source_frames).isTensor();
}

// Returns "2 outputs, counted from 0: audio, mask".
std::string counted(const std::vector<std::string>& names) {
  std::string text =
      c10::str(names.size(), names.size() == 1 ? " output" : " outputs", ", counted from 0");
  const auto is_name = [](const std::string& name) {
    return !name.empty() && !parsed_number<int64_t>(name);
  };
  if (std::none_of(names.begin(), names.end(), is_name)) return text;
  for (size_t i = 0; i < names.size(); ++i) text += (i == 0 ? ": " : ", ") + names[i];
  return text;
}

}  // namespace

Tensors output_tensors(const IValue& returned) {
  Tensors tensors;
  visit_leaves(returned, c10::AnyType::get(), "", [&](const IValue& value, const std::string&) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
  });
  return tensors;
}

std::vector<NamedTensor> named_values(const IValue& returned, const c10::TypePtr& type) {
  std::vector<NamedTensor> values;
  visit_leaves(returned, type, "", [&](const IValue& value, const std::string& name) {
    if (value.isTensor()) values.emplace_back(name, value.toTensor());
    if (value.isScalar()) values.emplace_back(name, at::scalar_to_tensor(value.toScalar()));
  });
  return values;
}

std::vector<NamedOutput> named_outputs(const Value& returned, const c10::TypePtr& type,
                                       int64_t source_frames) {
  std::vector<NamedOutput> outputs;
  visit_leaves(returned, type, "", [&](const Value& value, const std::string& name) {
    if (is_tensor(value, source_frames)) outputs.emplace_back(name, value);
  });
  return outputs;
}

int output_index(const std::string& output, const std::vector<std::string>& names) {
  const auto index = output.empty() ? 0 : parsed_number<int64_t>(output);
  if (index && *index >= 0 && *index < static_cast<int64_t>(names.size()))
    return static_cast<int>(*index);
  const auto named = std::find(names.begin(), names.end(), output);
  if (!index && named != names.end()) return static_cast<int>(named - names.begin());
  if (names.empty()) throw WrongOption("output", "the model returns no tensor");
  throw WrongOption("output", "there is no output " +
                                  (index ? std::to_string(*index) : "'" + output + "'") +
                                  ": the model has " + counted(names));
}

}  // namespace torchstreamer::graph
