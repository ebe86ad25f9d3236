// Networks as engines over interleaved float32 frames.
#pragma once

#include "network/layer.h"
#include "torchstreamer/engine.h"

namespace torchstreamer::graph {

/// Returns a new engine of `network`. `in`: format of the network's input. If it is float32 on the
/// CPU, frames are passed to the network without conversion.
std::unique_ptr<Engine> make_engine(LayerPtr network, const Format& in,
                                    const std::shared_ptr<Group>& group = nullptr);

}  // namespace torchstreamer::graph
