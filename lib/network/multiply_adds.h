// The cost of a process in multiply-adds: products of a sample with a weight, or with another
// sample, that are summed. Elementwise operators and Fourier transforms are not counted.
#pragma once

#include <cstdint>
#include <functional>

namespace torchstreamer {

/// Runs `computation` and returns the number of multiply-adds of its convolutions, recurrences,
/// attentions and matrix products. For computations that only their operators express.
int64_t counted_multiply_adds(const std::function<void()>& computation);

}  // namespace torchstreamer
