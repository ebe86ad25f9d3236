// Reproducible noise for trial runs of models and modules.
#pragma once

#include <ATen/core/Generator.h>

#include "torchstreamer/tensor.h"

namespace torchstreamer {

/// Standard normal noise, the same for the same seed. Does not use the process-wide random
/// generator. Not thread-safe.
class Noise {
 public:
  explicit Noise(uint64_t seed);

  /// Returns the next values, in main memory.
  Tensor next(at::IntArrayRef shape, at::ScalarType dtype);

 private:
  at::Generator generator_;
};

}  // namespace torchstreamer
