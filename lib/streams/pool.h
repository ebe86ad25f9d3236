#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// `[frames, ...]` whose samples are pooled each by itself.
LayerPtr pool1d_layer(const Pool1d& options);

}  // namespace torchstreamer
