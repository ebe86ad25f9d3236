// The concatenation of signals.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.cat of two signals along time. The first one has at most `first_frames` frames for every
/// length of the source.
LayerPtr concatenation_layer(int64_t first_frames);

}  // namespace torchstreamer
