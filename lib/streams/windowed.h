// The mechanisms of lib/frames around arithmetic that does not say what it takes.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// Arithmetic over a run of time-major frames.
using FramesRule = std::function<Tensor(const Tensor& frames)>;

/// `rule` over windows of `kernel_frames` every `stride_frames`: `[(n - 1) * stride + kernel, ...]`
/// in, the `[n, ...]` of n windows out. STFT, unfold, convolutions of images. `may_be_empty`: as
/// Layer's. `arithmetic`: what the rule computes, if known.
LayerPtr window_layer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule,
                      std::string describe, bool may_be_empty = false, Arithmetic arithmetic = {});

/// Sums what `rule` makes of each frame, `kernel_frames` frames every `stride_frames`: `[n, ...]`
/// in, n > 0, the sums `[(n - 1) * stride + kernel, ...]` out. `extra_frames` of zeros follow the
/// last one. Inverse STFT, transposed convolutions of images.
LayerPtr overlap_add_layer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule,
                           std::string describe, int64_t extra_frames = 0,
                           Arithmetic arithmetic = {});

}  // namespace torchstreamer
