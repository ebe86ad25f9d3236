#include "frames/finite.h"

#include <ATen/ops/isfinite.h>

namespace torchstreamer {

bool is_finite(const Tensor& x) { return x.isfinite().all().item<bool>(); }

}  // namespace torchstreamer
