// The mechanisms of lib/frames for rules whose output format is found by trying them.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// A computation over a run of time-major frames.
using FramesRule = std::function<Tensor(const Tensor& frames)>;

struct WindowOptions {
  int64_t kernel_frames = 1, stride_frames = 1;
  /// `[(n - 1) * stride + kernel, ...]` in, the `[n, ...]` of n windows out.
  FramesRule rule;
  std::string description;
  bool may_be_empty = false;     ///< see Layer::may_be_empty
  Computation computation = {};  ///< of `rule`, if known
};

/// Runs a rule over windows of `kernel_frames` every `stride_frames`: STFT, unfold, convolutions of
/// images.
LayerPtr window_layer(WindowOptions options);

struct OverlapAddOptions {
  int64_t kernel_frames = 1, stride_frames = 1;
  /// `[n, ...]` in, n > 0; the sums of their outputs `[(n - 1) * stride + kernel, ...]` out.
  FramesRule rule;
  std::string description;
  int64_t extra_frames = 0;      ///< zeros after the last output
  Computation computation = {};  ///< of `rule`, if known
};

/// Sums the outputs of a rule, `kernel_frames` frames for each input frame every `stride_frames`:
/// inverse STFT, transposed convolutions of images.
LayerPtr overlap_add_layer(OverlapAddOptions options);

}  // namespace torchstreamer
