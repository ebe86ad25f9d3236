// Tensors that are views of one storage.
#pragma once

#include <ATen/core/ivalue.h>

#include <map>

#include "support/tensor.h"

namespace torchstreamer {

/// The storages that several tensors of a module share: a write to one tensor changes the others.
class SharedStorages {
 public:
  /// `value`: a module, or a different value with tensors.
  explicit SharedStorages(const c10::IValue& value);

  /// Returns the whole storage of a tensor of the module, `[elements]`, if other tensors are views
  /// of it, too; otherwise an undefined tensor, also for views of different types.
  Tensor whole_of(const Tensor& tensor) const;

 private:
  std::map<const void*, Tensor> wholes_;  // by the storage
};

/// Identity of the storage of a tensor; null if it has none.
const void* storage_of(const Tensor& tensor);

/// Returns the view of the storage `whole` with the sizes, strides and offset of `tensor`.
Tensor same_view(const Tensor& whole, const Tensor& tensor);

}  // namespace torchstreamer
