// The arithmetic of a process: products of a sample with a weight, or with another sample, that are
// summed. Elementwise operators and Fourier transforms are not counted.
#pragma once

#include <cstdint>
#include <functional>

namespace torchstreamer {

/// Runs `arithmetic` and counts the multiply-adds of its convolutions, recurrences and products of
/// matrices: for arithmetic that only its operators know.
int64_t counted_multiply_adds(const std::function<void()>& arithmetic);

}  // namespace torchstreamer
