// Weights as the streams hold them: immutable copies, one for all streams of a module.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// A copy of `weight` that nobody writes to, so that a module may be changed, moved or freed while
/// its streams run. As long as one copy of equal values is alive, it is handed out again: streams
/// made of the same module share their memory. Undefined stays undefined. Thread-safe.
Tensor shared_weight(const Tensor& weight);

}  // namespace torchstreamer
