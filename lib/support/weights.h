// Weights of streams: immutable copies, shared by all streams of a module.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// Returns an immutable copy of `weight`, so that the module may be changed, moved or destroyed
/// while its streams run. While a copy of the same weight with equal values exists, it is returned
/// again. An undefined tensor is returned as it is. Thread-safe.
Tensor shared_weight(const Tensor& weight);

}  // namespace torchstreamer
