// The first process of a planned network.
#pragma once

#include "network/layer.h"

namespace torchstreamer::graph {

/// Takes the signal, `[frames, C]` of the format `taken`, and gives its frames the shape `frame`.
LayerPtr input_layer(Format taken, std::vector<int64_t> frame);

}  // namespace torchstreamer::graph
