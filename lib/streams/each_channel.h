// One network over the channels of a signal, each of them by itself.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Runs `mono`, which takes one channel, over every channel of a signal with any number of them:
/// the weights are shared, the states are not. Where `mono` gives N channels, those of channel 0
/// come first: `[frames, C]` becomes `[frames, C * N]`.
LayerPtr each_channel_layer(LayerPtr mono);

}  // namespace torchstreamer
