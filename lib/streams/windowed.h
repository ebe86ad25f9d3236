// Layers of the mechanisms of lib/frames. A trial run of the rule gives the output format.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// A computation over consecutive time-major frames.
using FramesRule = std::function<Tensor(const Tensor& frames)>;

struct WindowOptions {
  int64_t kernel_frames = 1, stride_frames = 1;
  /// Input: `[(n - 1) * stride + kernel, ...]`. Output: `[n, ...]`, one frame for each of n
  /// windows.
  FramesRule rule;
  std::string description;
  bool may_be_empty = false;     ///< see Layer::may_be_empty
  Computation computation = {};  ///< of `rule`, if known
};

/// Runs a rule over windows of `kernel_frames` frames every `stride_frames` frames: STFT, unfold,
/// convolutions of images.
LayerPtr window_layer(WindowOptions options);

struct OverlapAddOptions {
  int64_t kernel_frames = 1, stride_frames = 1;
  /// Input: `[n, ...]`, n > 0. Output: the sum of the outputs of all n frames,
  /// `[(n - 1) * stride + kernel, ...]`.
  FramesRule rule;
  std::string description;
  int64_t extra_frames = 0;      ///< number of zero frames after the last output
  Computation computation = {};  ///< of `rule`, if known
};

/// Sums the outputs of a rule: `kernel_frames` output frames for each input frame, every
/// `stride_frames` frames. For inverse STFT and transposed convolutions of images.
LayerPtr overlap_add_layer(OverlapAddOptions options);

}  // namespace torchstreamer
