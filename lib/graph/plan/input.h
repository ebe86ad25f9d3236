// The first process of a planned network.
#pragma once

#include "network/layer.h"

namespace torchstreamer::graph {

/// Returns a layer that accepts the signal, `[frames, C]` of the format `source`, and reshapes each
/// frame to `frame`.
LayerPtr input_layer(Format source, std::vector<int64_t> frame);

}  // namespace torchstreamer::graph
