// Networks as engines over interleaved float32 frames.
#pragma once

#include "network/layer.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::graph {

/// Returns an engine of `network` that is not shared with others. `in`: format of the network's
/// input; if it is float32 on the CPU, frames are passed to the network as they are.
std::unique_ptr<Engine> make_engine(LayerPtr network, const Format& in);

}  // namespace torchstreamer::graph
