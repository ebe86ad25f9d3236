#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// The valid (unpadded) convolution of torch.nn.functional.conv1d. `weight`: `[C_out, C_in /
/// groups, K]`; `bias`: `[C_out]` or undefined.
LayerPtr conv1d_layer(Tensor weight, Tensor bias, int64_t stride, int64_t dilation, int64_t groups);

}  // namespace torchstreamer
