#include "graph/model/outputs.h"

#include <charconv>

#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

// Appends the items of a list, tuple or dictionary to `items`; false for other values.
bool append_items(const IValue& value, std::vector<IValue>& items) {
  if (value.isTuple())
    for (const IValue& item : value.toTupleRef().elements()) items.push_back(item);
  else if (value.isGenericDict())
    for (const auto& entry : value.toGenericDict()) items.push_back(entry.value());
  else if (value.isList())
    for (const IValue& item : value.toListRef()) items.push_back(item);
  else
    return false;
  return true;
}

bool append_items(const Value& value, std::vector<Value>& items) {
  if (const IValue* constant = value.constant()) {
    std::vector<IValue> constants;
    if (!append_items(*constant, constants)) return false;
    for (IValue& item : constants) items.emplace_back(std::move(item));
  } else if (const ListPtr* list = value.list()) {
    items = **list;
  } else if (const DictPtr* dict = value.dict()) {
    for (const auto& [key, item] : (*dict)->items) items.push_back(item);
  } else {
    return false;
  }
  return true;
}

// Defines the order of the tensors for both kinds of values.
template <class T, class Visit>
void visit_leaves(const T& value, const Visit& visit) {
  std::vector<T> items;
  if (!append_items(value, items)) return visit(value);
  for (const T& item : items) visit_leaves(item, visit);
}

bool is_tensor(const Value& value, int64_t source_frames) {
  if (const IValue* constant = value.constant()) return constant->isTensor();
  const SymbolPtr* symbol = value.symbol();
  return !symbol || (*symbol)->is_heavy || (*symbol)->at(source_frames).isTensor();
}

}  // namespace

Tensors output_tensors(const IValue& returned) {
  Tensors tensors;
  visit_leaves(returned, [&](const IValue& value) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
  });
  return tensors;
}

std::vector<Value> output_tensors(const Value& returned, int64_t source_frames) {
  std::vector<Value> tensors;
  visit_leaves(returned, [&](const Value& value) {
    if (is_tensor(value, source_frames)) tensors.push_back(value);
  });
  return tensors;
}

int output_index(const std::string& output) {
  int index = 0;
  const char* end = output.data() + output.size();
  const auto [stop, error] = std::from_chars(output.data(), end, index);
  if (output.empty()) return 0;
  if (error != std::errc() || stop != end || index < 0)
    throw OptionError("output '" + output + "' is no index of a tensor: use 0 or more");
  return index;
}

}  // namespace torchstreamer::graph
