// Runs a mono network on every channel of a signal independently.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// Runs `mono`, which takes one channel, on every channel of a signal. The channels share the
/// weights and have separate states. If `mono` returns N channels, the output for `[frames, C]` is
/// `[frames, C * N]`, starting with the N channels of channel 0.
LayerPtr each_channel_layer(LayerPtr mono);

}  // namespace torchstreamer
