#include "exported/file/stored_tensor.h"

#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest size in bytes of a tensor whose elements share memory, such as an expanded one.
constexpr int64_t kMostExpandedBytes = int64_t{1} << 26;

// Multiplies and adds numbers of a file, which may be of any size.
int64_t checked_sum(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) throw Error("a size is out of range");
  return result;
}

int64_t checked_product(int64_t a, int64_t b) {
  int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) throw Error("a size is out of range");
  return result;
}

// Elements of the storage up to the last one of the tensor.
int64_t reach(const StoredTensor& stored) {
  int64_t last = stored.offset;
  for (size_t d = 0; d < stored.sizes.size(); ++d) {
    if (stored.sizes[d] == 0) return 0;
    last = checked_sum(last, checked_product(stored.sizes[d] - 1, stored.strides[d]));
  }
  return checked_sum(last, 1);
}

void require_inside(const Tensor& bytes, const StoredTensor& stored) {
  if (stored.sizes.size() != stored.strides.size()) throw Error("it has sizes without strides");
  if (stored.sizes.size() > kMostAxes) throw Error("it has too many axes");
  int64_t elements = 1, least = stored.offset;
  for (size_t d = 0; d < stored.sizes.size(); ++d) {
    least = std::min({least, stored.sizes[d], stored.strides[d]});
    elements = checked_product(elements, stored.sizes[d]);
  }
  if (least < 0) throw Error("it has a negative size, stride or offset");
  const auto each = static_cast<int64_t>(c10::elementSize(stored.dtype));
  if (checked_product(reach(stored), each) > bytes.numel())
    throw Error(c10::str("it reaches beyond the ", bytes.numel(), " bytes that are stored"));
  if (checked_product(elements, each) > std::max(bytes.numel(), kMostExpandedBytes))
    throw Error("it has far more bytes than are stored");
}

}  // namespace

Tensor tensor_over(const Tensor& bytes, const StoredTensor& stored, const std::string& name) {
  try {
    require_inside(bytes, stored);
  } catch (const Error& e) {
    throw Error("its tensor '" + name + "' is damaged: " + e.what());
  }
  const auto options = at::TensorOptions(stored.dtype).device(bytes.device());
  return at::empty({0}, options).set_(bytes.storage(), stored.offset, stored.sizes, stored.strides);
}

}  // namespace torchstreamer::exported
