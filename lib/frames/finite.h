// Checks for NaN and infinity.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// Returns true if all values are finite.
bool is_finite(const Tensor& x);

}  // namespace torchstreamer
