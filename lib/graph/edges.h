// The first and the last process of a planned network.
#pragma once

#include <functional>

#include "layer.h"

namespace torchstreamer::graph {

/// Whether what was decided while planning holds for a signal of this many frames.
using Guard = std::function<bool(int64_t source_frames)>;

/// Takes the signal, `[frames, C]` of the format `taken`, and gives its frames the shape `frame`.
LayerPtr input_layer(Format taken, std::vector<int64_t> frame);

/// Passes the output on and throws Error at the end of a signal for which a guard does not hold.
/// `owner` keeps alive what the guards compute with.
LayerPtr guard_layer(std::shared_ptr<const void> owner, std::vector<Guard> guards);

}  // namespace torchstreamer::graph
