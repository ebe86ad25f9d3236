// Transposed convolutions.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

/// torch.nn.functional.conv_transpose1d without padding, followed by `extra_frames` more frames
/// (PyTorch's output_padding).
LayerPtr conv_transpose1d_layer(TransposedConvolution1d convolution, int64_t extra_frames = 0);

}  // namespace torchstreamer
