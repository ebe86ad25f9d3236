#include "graph/evaluate/attributes.h"

#include <ATen/core/jit_type.h>

namespace torchstreamer::graph {

Object Attributes::get(const IValue& owner, const std::string& name) {
  const auto& object = owner.toObjectRef();
  const auto known = known_.find({&object, name});
  if (known != known_.end()) return known->second.value;
  const IValue saved = object.getAttr(name);
  Object value = object_of(Value(saved), object.type()->getAttribute(name));
  if (saved.isTensor() && saved.toTensor().defined())
    value =
        tensors_.emplace(saved.toTensor().unsafeGetTensorImpl(), std::move(value)).first->second;
  set(owner, name, value);
  return value;
}

void Attributes::set(const IValue& owner, const std::string& name, Object value) {
  known_.insert_or_assign({&owner.toObjectRef(), name}, Attribute{owner, std::move(value)});
}

}  // namespace torchstreamer::graph
