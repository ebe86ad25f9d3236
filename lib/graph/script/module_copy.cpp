#include "graph/script/module_copy.h"

#include <map>
#include <utility>
#include <vector>

#include "support/shared_storages.h"

namespace torchstreamer::graph {
namespace {

using c10::IValue;

class Copier {
 public:
  Copier(const IValue& value, const TensorCopy& copy) : storages_(value), copy_(copy) {}

  IValue operator()(const IValue& value) {
    if (value.isObject()) return copied_object(value);
    if (value.isTensor()) return copied_tensor(value);
    if (value.isTuple()) return copied_tuple(value);
    if (value.isList()) {
      auto list = value.toList().copy();
      for (size_t i = 0; i < list.size(); ++i) list.set(i, (*this)(list.get(i)));
      return list;
    }
    if (value.isGenericDict()) {
      auto dict = value.toGenericDict().copy();
      for (const auto& entry : value.toGenericDict())
        dict.insert_or_assign(entry.key(), (*this)(entry.value()));
      return dict;
    }
    return value;
  }

 private:
  IValue copied_object(const IValue& value) {
    const auto object = value.toObject();
    const auto known = objects_.find(object.get());
    if (known != objects_.end()) return known->second;
    const auto copy = object->copy();
    objects_.emplace(object.get(), copy);
    for (size_t slot = 0; slot < object->slots().size(); ++slot)
      copy->setSlot(slot, (*this)(object->getSlot(slot)));
    return copy;
  }

  IValue copied_tensor(const IValue& value) {
    const Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return value;
    const auto [known, is_new] = tensors_.try_emplace(tensor.unsafeGetTensorImpl());
    if (is_new) known->second = copy_of(tensor);
    return known->second;
  }

  Tensor copy_of(const Tensor& tensor) {
    const Tensor whole = storages_.whole_of(tensor);
    if (!whole.defined()) return copy_(tensor);
    const auto [known, is_new] = wholes_.try_emplace(storage_of(tensor));
    if (is_new) known->second = copy_(whole);
    return known->second.is_same(whole) ? tensor : same_view(known->second, tensor);
  }

  IValue copied_tuple(const IValue& value) {
    std::vector<IValue> elements;
    for (const IValue& element : value.toTupleRef().elements())
      elements.push_back((*this)(element));
    return c10::ivalue::Tuple::createNamed(std::move(elements), value.toTupleRef().type());
  }

  SharedStorages storages_;
  const TensorCopy& copy_;
  // The copies, by the originals.
  std::map<const void*, IValue> objects_;
  std::map<const void*, Tensor> tensors_;
  std::map<const void*, Tensor> wholes_;  // of shared storages
};

}  // namespace

IValue copied(const IValue& value, const TensorCopy& copy) { return Copier(value, copy)(value); }

}  // namespace torchstreamer::graph
