// Streams as layers of a network.
#pragma once

#include <memory>

#include "network/layer.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

/// The layer of `stream`. A stream class of the user's is wrapped: its layer forwards to the stream
/// itself, so only one state of it can run at a time.
LayerPtr layer_of(std::shared_ptr<BaseStream> stream);

}  // namespace torchstreamer
