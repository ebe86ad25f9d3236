// Weights of streams: immutable copies, shared by all streams of a module.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// Returns an immutable copy of `weight`, so that the module may be changed, moved or destroyed
/// while its streams run. If a copy of the same weight with equal values still exists, that copy is
/// returned. An undefined tensor is returned unchanged. Thread-safe.
Tensor shared_weight(const Tensor& weight);

}  // namespace torchstreamer
