// The cost of a process in multiply-adds. A multiply-add is a product of a sample with a weight or
// with another sample that is added to a sum. Elementwise operators and Fourier transforms are not
// counted.
#pragma once

#include <cstdint>
#include <functional>

namespace torchstreamer {

/// Runs `computation` and returns the number of multiply-adds of its convolutions, recurrences,
/// attentions and matrix products. For computations that are not available as data.
int64_t counted_multiply_adds(const std::function<void()>& computation);

}  // namespace torchstreamer
