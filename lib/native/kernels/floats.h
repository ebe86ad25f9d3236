// Tensors and frames as float32 values in memory.
#pragma once

#include "native/simd/memory.h"
#include "network/layer.h"

namespace torchstreamer::native {

/// Number of floats of one frame of this format in an edge buffer. For types other than float32,
/// rounded up to whole elements of the widest type, so that every frame is aligned.
int64_t floats_of(const Format& format);

/// Returns a copy of the values of a float32 tensor; empty for an undefined one.
AlignedFloats floats_in(const Tensor& x);

/// The values of a float32 tensor in contiguous memory, or null for an undefined one.
class Floats {
 public:
  explicit Floats(const Tensor& x) : x_(x.defined() ? x.contiguous() : x) {}
  operator const float*() const { return x_.defined() ? x_.data_ptr<float>() : nullptr; }

 private:
  Tensor x_;
};

}  // namespace torchstreamer::native
