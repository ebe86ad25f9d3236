// Frames as float32 values; a complex number is two values.
#pragma once

#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>

#include "network/format.h"

namespace torchstreamer {

/// Returns true if frames of this format are float32 values in main memory.
inline bool lies_in_floats(const Format& f) {
  return f.device.is_cpu() && (f.dtype == at::kFloat || f.dtype == at::kComplexFloat);
}

/// Number of float32 values of one frame.
inline int64_t floats_of(const Format& f) {
  return f.samples() * (f.dtype == at::kComplexFloat ? 2 : 1);
}

/// Returns a contiguous tensor with standard strides. contiguous() alone may keep unusual strides
/// of axes with a single entry, which view_as_complex() rejects.
inline Tensor packed(const Tensor& x) { return x.contiguous().view(x.sizes()); }

/// Converts `[frames, floats]` to frames of this format.
inline Tensor frames_of(const Tensor& floats, const Format& format) {
  auto shape = format.frame;
  shape.insert(shape.begin(), floats.size(0));
  if (format.dtype != at::kComplexFloat) return floats.view(shape);
  shape.push_back(2);
  return at::view_as_complex(floats.view(shape));
}
/// Converts frames to `[frames, floats]`.
inline Tensor floats_in(const Tensor& frames) {
  const Tensor x = frames.is_complex() ? at::view_as_real(frames.resolve_conj()) : frames;
  return x.contiguous().view({frames.size(0), -1});
}

}  // namespace torchstreamer
