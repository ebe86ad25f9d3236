#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.nn.functional.conv_transpose1d without padding. `weight`: `[C_in, C_out / groups, K]`;
/// `bias`: `[C_out]` or undefined. `output_padding` frames, of bias alone, follow the last one.
LayerPtr conv_transpose1d_layer(Tensor weight, Tensor bias, int64_t stride, int64_t output_padding,
                                int64_t groups, int64_t dilation);

}  // namespace torchstreamer
