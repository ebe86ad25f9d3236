#include "support/shared_storages.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <set>
#include <vector>

namespace torchstreamer {
namespace {

// Returns a storage as one axis of elements of the type of `tensor`.
Tensor whole_storage(const Tensor& tensor) {
  const auto bytes = static_cast<int64_t>(tensor.storage().nbytes());
  const int64_t elements = bytes / static_cast<int64_t>(tensor.element_size());
  const auto options = at::TensorOptions(tensor.scalar_type()).device(tensor.device());
  return at::empty({0}, options).set_(tensor.storage(), 0, {elements}, {1});
}

bool are_views_of_one_type(const std::vector<Tensor>& tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [&](const Tensor& t) {
    return t.scalar_type() == tensors[0].scalar_type() && !t.is_conj() && !t.is_neg();
  });
}

}  // namespace

SharedStorages::SharedStorages(const c10::IValue& value) {
  std::map<const void*, std::vector<Tensor>> tensors;
  std::set<const void*> visited;
  value.visit([&](const c10::IValue& inner) {
    if (inner.isObject()) return !visited.insert(inner.toObject().get()).second;
    if (!inner.isTensor()) return false;
    const Tensor& tensor = inner.toTensor();
    if (storage_of(tensor) && visited.insert(tensor.unsafeGetTensorImpl()).second)
      tensors[storage_of(tensor)].push_back(tensor);
    return false;
  });
  for (const auto& [storage, views] : tensors)
    if (views.size() > 1 && are_views_of_one_type(views))
      wholes_.emplace(storage, whole_storage(views[0]));
}

Tensor SharedStorages::whole_of(const Tensor& tensor) const {
  const auto whole = wholes_.find(storage_of(tensor));
  return whole == wholes_.end() ? Tensor() : whole->second;
}

const void* storage_of(const Tensor& tensor) {
  const bool has_storage = tensor.defined() && tensor.has_storage() && tensor.numel() > 0;
  return has_storage ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

Tensor same_view(const Tensor& whole, const Tensor& tensor) {
  return at::as_strided(whole, tensor.sizes(), tensor.strides(), tensor.storage_offset());
}

}  // namespace torchstreamer
