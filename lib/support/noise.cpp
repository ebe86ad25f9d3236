#include "support/noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>

namespace torchstreamer {

Noise::Noise(uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

Tensor Noise::next(at::IntArrayRef shape, at::ScalarType dtype) {
  return at::randn(shape, generator_, at::TensorOptions(dtype));
}

}  // namespace torchstreamer
