#include "native/kernels/floats.h"

namespace torchstreamer::native {

int64_t floats_of(const Format& format) {
  if (format.dtype == at::kFloat) return format.samples();
  if (format.dtype == at::kComplexFloat) return 2 * format.samples();
  constexpr int64_t kWidestElementBytes = 16;
  const int64_t bytes = format.samples() * static_cast<int64_t>(c10::elementSize(format.dtype));
  return ceil_div(bytes, kWidestElementBytes) * kWidestElementBytes / sizeof(float);
}

AlignedFloats floats_in(const Tensor& x) {
  const Floats values(x);
  return values ? AlignedFloats(values + 0, values + x.numel()) : AlignedFloats();
}

}  // namespace torchstreamer::native
