#include "support/weights.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>

#include <map>
#include <mutex>

namespace torchstreamer {

Tensor shared_weight(const Tensor& weight) {
  if (!weight.defined()) return weight;
  using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  static std::mutex mutex;
  // Copies by the address of the original. The values are compared, too, because the memory may be
  // reused by a different weight or written to in place.
  static std::map<const void*, Weak> copies;

  at::NoGradGuard guard;
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto it = copies.begin(); it != copies.end();)
    it = it->second.expired() ? copies.erase(it) : std::next(it);

  const void* key = weight.data_ptr();
  if (const auto it = copies.find(key); it != copies.end()) {
    const Tensor copy{it->second.lock()};
    if (copy.defined() && copy.scalar_type() == weight.scalar_type() &&
        copy.device() == weight.device() && copy.sizes() == weight.sizes() &&
        copy.equal(weight.detach()))
      return copy;
    copies.erase(it);
  }
  Tensor copy = weight.detach().clone();
  copies.emplace(key, Weak(copy.getIntrusivePtr()));
  return copy;
}

}  // namespace torchstreamer
