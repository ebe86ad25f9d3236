// Whether frames are numbers.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// Whether none of the values is NaN or infinite.
bool is_finite(const Tensor& x);

}  // namespace torchstreamer
