// Tensors as views of stored bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/tensor.h"

namespace torchstreamer::exported {

/// Largest number of axes of a tensor, as in torch.
constexpr size_t kMostAxes = 64;

/// A tensor over the elements of a storage, which several tensors may share.
struct StoredTensor {
  std::string storage;  ///< name of the storage in its archive
  at::ScalarType dtype = at::kFloat;
  int64_t offset = 0;  ///< of the first element, in elements
  std::vector<int64_t> sizes, strides;
};

/// Returns the tensor over `bytes`, uint8 `[bytes]`, without a copy. Throws Error if an element
/// would be outside of them. `name`: the tensor's, for the error.
Tensor tensor_over(const Tensor& bytes, const StoredTensor& stored, const std::string& name);

}  // namespace torchstreamer::exported
