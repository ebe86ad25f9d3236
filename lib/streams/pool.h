// Pools.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Pools every sample of the frames `[frames, ...]` independently.
LayerPtr pool1d_layer(const Pool1d& options);

}  // namespace torchstreamer
