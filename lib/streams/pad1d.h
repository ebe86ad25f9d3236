#pragma once

#include "layer.h"

namespace torchstreamer {

/// `left` frames of `value` before the signal, `right` after it (torch.nn.functional.pad, constant
/// mode, not negative).
LayerPtr pad1d_layer(int64_t left, int64_t right, double value);

}  // namespace torchstreamer
