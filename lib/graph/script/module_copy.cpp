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
    if (value.isTensor()) return copied_tensor(value);
    if (value.isTuple()) return copied_tuple(value);
    if (!value.isObject() && !value.isList() && !value.isGenericDict()) return value;
    const auto [known, is_new] = containers_.try_emplace(value.internalToPointer());
    if (!is_new) return known->second;
    if (value.isObject()) fill(known->second, value.toObject()->copy());
    if (value.isList()) fill(known->second, value.toList().copy());
    if (value.isGenericDict()) fill(known->second, value.toGenericDict());
    return known->second;
  }

 private:
  // Each sets `copy` first, because an object may contain itself.
  void fill(IValue& copy, const c10::intrusive_ptr<c10::ivalue::Object>& object) {
    copy = object;
    for (size_t slot = 0; slot < object->slots().size(); ++slot)
      object->setSlot(slot, (*this)(object->getSlot(slot)));
  }

  void fill(IValue& copy, c10::impl::GenericList list) {
    copy = list;
    for (size_t i = 0; i < list.size(); ++i) list.set(i, (*this)(list.get(i)));
  }

  void fill(IValue& copy, const c10::impl::GenericDict& original) {
    auto dict = original.copy();
    copy = dict;
    for (const auto& entry : original) dict.insert_or_assign(entry.key(), (*this)(entry.value()));
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
  std::map<const void*, IValue> containers_;  // objects, lists and dictionaries
  std::map<const void*, Tensor> tensors_;
  std::map<const void*, Tensor> wholes_;  // of shared storages
};

}  // namespace

IValue copied(const IValue& value, const TensorCopy& copy) { return Copier(value, copy)(value); }

}  // namespace torchstreamer::graph
