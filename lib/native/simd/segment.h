// Frames that a convolution computes.
#pragma once

#include <cstdint>

namespace torchstreamer::native {

/// Consecutive frames of one stream. Without initial values, because segments are often in arrays
/// of which few are used.
struct Segment {
  const float* x;  ///< the first frame that the first output frame depends on
  float* y;        ///< the first output frame
  int64_t frames;  ///< number of output frames
};

}  // namespace torchstreamer::native
