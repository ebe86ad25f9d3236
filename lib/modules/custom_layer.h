// Streams as layers of a network.
#pragma once

#include <memory>

#include "network/layer.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

/// Returns the layer of `stream`. A stream class of an application is wrapped in a layer that calls
/// the stream itself, so that only one state can run at a time.
LayerPtr layer_of(std::shared_ptr<BaseStream> stream);

}  // namespace torchstreamer
