#include "graph/evaluate/attributes.h"

#include <ATen/core/jit_type.h>
#include <torch/csrc/jit/ir/constants.h>

namespace torchstreamer::graph {

Object Attributes::get(const IValue& owner, const std::string& name) {
  const auto& object = owner.toObjectRef();
  const auto known = known_.find({&object, name});
  if (known != known_.end()) return known->second.value;
  const IValue saved = object.getAttr(name);
  const Object value =
      with_shared_tensors(saved, object_of(Value(saved), object.type()->getAttribute(name)));
  set(owner, name, value);
  return value;
}

void Attributes::set(const IValue& owner, const std::string& name, Object value) {
  known_.insert_or_assign({&owner.toObjectRef(), name}, Attribute{owner, std::move(value)});
}

// Replaces tensors in `object`, which was made from `saved`, by those that were read before.
Object Attributes::with_shared_tensors(const IValue& saved, const Object& object) {
  if (saved.isTensor() && saved.toTensor().defined()) {
    const Tensor& tensor = saved.toTensor();
    const auto [known, is_new] = tensors_.emplace(tensor.unsafeGetTensorImpl(), object);
    if (is_new) connect_views(tensor, object);
    return known->second;
  }
  if (const ItemsPtr* items = object.items())
    for (size_t i = 0; i < (*items)->size(); ++i) {
      const IValue item = saved.isTuple() ? saved.toTupleRef().elements()[i] : saved.toListRef()[i];
      (**items)[i] = with_shared_tensors(item, (**items)[i]);
    }
  if (const EntriesPtr* entries = object.entries())
    for (auto& [key, item] : (*entries)->all)
      item = with_shared_tensors(saved.toGenericDict().at(key), item);
  return object;
}

// Makes a tensor a view of its storage if others are, too.
void Attributes::connect_views(const Tensor& tensor, const Object& object) {
  const Tensor whole = storages_.whole_of(tensor);
  if (!whole.defined() || !object.memory()) return;
  MemoryPtr& memory = wholes_[storage_of(tensor)];
  if (!memory) memory = std::make_shared<Memory>(Memory{Value(IValue(whole))});
  (*object.memory())->view =
      View{memory,
           make_view(tensor),
           {Value(IValue()), Value(IValue(tensor.sizes())), Value(IValue(tensor.strides())),
            Value(IValue(tensor.storage_offset()))},
           0};
}

// Returns the operator that makes a tensor a view of its storage.
Node* Attributes::make_view(const Tensor& tensor) {
  return views_->insertNode(views_->create(
      c10::Symbol::fromQualString("aten::as_strided"),
      {views_->addInput(), views_->insertConstant(tensor.sizes()),
       views_->insertConstant(tensor.strides()), views_->insertConstant(tensor.storage_offset())}));
}

}  // namespace torchstreamer::graph
