#include "support/tensor.h"

#include <ATen/ops/allclose.h>

namespace torchstreamer {

bool is_close(const Tensor& a, const Tensor& b, double tolerance, double floor) {
  if (a.sizes() != b.sizes()) return false;
  if (!at::isFloatingType(b.scalar_type()) && !at::isComplexType(b.scalar_type()))
    return a.equal(b);
  if (a.equal(b)) return true;  // takes much less time
  const double scale = b.numel() > 0 ? b.abs().nan_to_num(0, 0, 0).max().item<double>() : 0;
  return at::allclose(a, b, /*rtol=*/0, /*atol=*/tolerance * scale + floor, /*equal_nan=*/true);
}

}  // namespace torchstreamer
