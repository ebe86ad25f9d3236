#include "graph/value.h"

#include <ATen/core/jit_type.h>

namespace torchstreamer::graph {

const IValue& Symbol::at(int64_t source_frames) {
  const auto it = known_.find(source_frames);
  if (it != known_.end()) return it->second;
  IValue value = rule_(source_frames);
  const bool is_large = value.isTensor() && value.toTensor().numel() > 64;
  if (known_.size() >= (is_large ? kKnownTensors : kKnownLimit)) known_.clear();
  return known_.emplace(source_frames, std::move(value)).first->second;
}

IValue value_at(const Value& value, const c10::TypePtr& type, int64_t source_frames,
                const std::function<Tensor(const Stream&)>& tensor_of) {
  if (const IValue* constant = value.constant()) return *constant;
  if (const SymbolPtr* symbol = value.symbol()) return (*symbol)->at(source_frames);
  if (const Stream* stream = value.stream()) return tensor_of(*stream);
  if (const Poison* poison = value.poison()) throw poison->refusal;

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
