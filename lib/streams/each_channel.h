// A mono network over every channel of a signal independently.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Runs `mono`, which takes one channel, over every channel of a signal. Weights are shared, states
/// are not. If `mono` returns N channels, `[frames, C]` becomes `[frames, C * N]`, beginning with
/// the N channels of channel 0.
LayerPtr each_channel_layer(LayerPtr mono);

}  // namespace torchstreamer
