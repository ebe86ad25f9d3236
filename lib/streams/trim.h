#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Leaves out the first `start` frames and, where the signal ends, the last `cut`, if positive: a
/// slice of time. At most `limit_frames` come out. `what`: the slice, for people.
LayerPtr trim1d_layer(int64_t start, LengthRule cut, std::string what,
                      int64_t limit_frames = Timing::kEndless);

/// The frames from the `from_end`th last one to before the `to_end`th last one, once the signal
/// ends: x[-from_end:-to_end].
LayerPtr tail1d_layer(int64_t from_end, int64_t to_end);

/// Every `step`th frame, from the first one on.
LayerPtr stride1d_layer(int64_t step);

}  // namespace torchstreamer
