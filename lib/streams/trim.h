// Slices of time.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

struct TrimOptions {
  int64_t start_frames = 0;  ///< left out at the start of the signal
  /// Left out at the end of the signal, if positive, for each length of the source.
  LengthRule end_frames = 0;
  int64_t limit_frames = Timing::kEndless;  ///< maximum number of output frames
  std::string description;                  ///< of the slice, for people
};

/// Leaves out frames at the start and at the end of the signal.
LayerPtr trim1d_layer(TrimOptions options);

/// The frames from the `from_end`th last one to before the `to_end`th last one, at the end of the
/// signal: x[-from_end:-to_end].
LayerPtr tail1d_layer(int64_t from_end, int64_t to_end);

/// Every `step`th frame, from the first one on.
LayerPtr stride1d_layer(int64_t step);

}  // namespace torchstreamer
