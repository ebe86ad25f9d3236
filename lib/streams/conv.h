// Convolutions.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// The valid (unpadded) convolution of torch.nn.functional.conv1d.
LayerPtr conv1d_layer(Convolution1d convolution);

}  // namespace torchstreamer
