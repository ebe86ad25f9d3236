// Slices of time.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

struct TrimOptions {
  int64_t start_frames = 0;  ///< number of frames removed at the start of the signal
  /// Number of frames removed at the end of the signal, if positive, for each length of the source.
  LengthRule end_frames = 0;
  int64_t limit_frames = Timing::kEndless;  ///< maximum number of output frames
  std::string description;                  ///< description of the slice
};

/// Removes frames at the start and at the end of the signal.
LayerPtr trim1d_layer(TrimOptions options);

/// Returns x[-from_end:-to_end] at the end of the signal: the last `from_end` frames without the
/// last `to_end` frames.
LayerPtr tail1d_layer(int64_t from_end, int64_t to_end);

/// Returns every `step`th frame, starting with the first.
LayerPtr stride1d_layer(int64_t step);

}  // namespace torchstreamer
