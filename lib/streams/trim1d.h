#pragma once

#include "layer.h"

namespace torchstreamer {

/// Leaves out the first `start` frames and, where the signal ends after `source` frames into the
/// network, the last `cut(source)`: a slice in time. `what`: the slice, for people.
LayerPtr trim1d_layer(int64_t start, std::function<int64_t(int64_t source)> cut, std::string what);

}  // namespace torchstreamer
