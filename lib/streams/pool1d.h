#pragma once

#include "layer.h"

namespace torchstreamer {

struct PoolOptions {
  enum class Kind { kMax, kAverage } kind = Kind::kMax;
  int64_t kernel_frames = 1;
  int64_t stride_frames = 1;
  int64_t dilation_frames = 1;
  /// Frames by which the input was padded at either side: the pool does not pad, but its divisor
  /// and the windows that `ceil_mode` adds depend on it.
  int64_t padding_frames = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

/// torch.nn.functional.max_pool1d and avg_pool1d over input that is already padded.
LayerPtr pool1d_layer(const PoolOptions& options);

}  // namespace torchstreamer
