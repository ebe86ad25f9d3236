#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.cat of two signals along time, the first of which has at most `first_frames` frames
/// however long the source is.
LayerPtr concatenation_layer(int64_t first_frames);

}  // namespace torchstreamer
