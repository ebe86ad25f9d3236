#include "graph/plan/value.h"

#include <ATen/core/jit_type.h>

#include "graph/plan/lengths.h"

namespace torchstreamer::graph {

namespace {

// Returns the number of elements of the tensors in a value.
int64_t elements(const IValue& value) {
  if (value.isTensor()) return value.toTensor().numel();
  int64_t sum = 0;
  if (value.isTuple())
    for (const IValue& item : value.toTupleRef().elements()) sum += elements(item);
  return sum;
}

}  // namespace

IValue Symbol::at(int64_t source_frames) {
  const auto it = known_.find(source_frames);
  if (it != known_.end()) return it->second;
  IValue value = rule_(source_frames);
  const int64_t size = elements(value);
  if (size > 1 << 17) return value;
  // Short lengths are evaluated one after the other, each for all symbols: few values are kept.
  constexpr size_t kKnownShort = 8;
  if (size == 0 && source_frames < kShortestPlannedFrames && known_.size() >= kKnownShort)
    known_.clear();
  if (known_.size() >= (size > 64 ? kKnownTensors : kKnownLimit)) known_.clear();
  return known_.emplace(source_frames, std::move(value)).first->second;
}

Value* Dict::find(const IValue& key) {
  for (auto& [known, value] : items)
    if (known == key) return &value;
  return nullptr;
}

void Dict::set(const IValue& key, Value value) {
  if (Value* known = find(key))
    *known = std::move(value);
  else
    items.emplace_back(key, std::move(value));
}

IValue value_at(const Value& value, const c10::TypePtr& type, int64_t source_frames,
                const std::function<Tensor(const Stream&)>& tensor_of) {
  if (const IValue* constant = value.constant()) return *constant;
  if (const SymbolPtr* symbol = value.symbol()) return (*symbol)->at(source_frames);
  if (const Stream* stream = value.stream()) return tensor_of(*stream);
  if (const Poison* poison = value.poison()) throw poison->refusal;
  if (value.dict())
    throw Error("a dictionary is an argument of an operator that does not take streams");

  if (value.scores()) throw Error("scores of attention are used as if they were frames");

  const auto& items = **value.list();
  if (const auto tuple = type->cast<c10::TupleType>()) {
    std::vector<IValue> elements;
    for (size_t i = 0; i < items.size(); ++i)
      elements.push_back(value_at(items[i], tuple->elements()[i], source_frames, tensor_of));
    return c10::ivalue::Tuple::create(std::move(elements));
  }
  const auto list_type = type->cast<c10::ListType>();
  const c10::TypePtr item_type = list_type ? list_type->getElementType() : c10::AnyType::get();
  c10::impl::GenericList list(item_type);
  for (const Value& item : items)
    list.push_back(value_at(item, item_type, source_frames, tensor_of));
  return list;
}

}  // namespace torchstreamer::graph
