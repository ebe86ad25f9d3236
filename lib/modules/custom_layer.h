// Streams as layers of a network.
#pragma once

#include <memory>

#include "network/layer.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

/// The layer of `stream`. Stream classes of applications are wrapped: their layer forwards to the
/// stream itself, so that only one state can run at a time.
LayerPtr layer_of(std::shared_ptr<BaseStream> stream);

}  // namespace torchstreamer
