#pragma once

#include "layer.h"

namespace torchstreamer {

/// Leaves out the first `start` frames and, where the signal ends, the last `cut`, if positive: a
/// slice of time. `what`: the slice, for people.
LayerPtr trim1d_layer(int64_t start, Timing::LengthRule cut, std::string what);

/// Every `step`th frame, from the first one on.
LayerPtr stride1d_layer(int64_t step);

}  // namespace torchstreamer
