// Differences between outputs of a stream and of the model.
#pragma once

#include "network/layer.h"

namespace torchstreamer::tools {

/// Compares elements; NaN equals NaN.
Tensor is_same(const Tensor& a, const Tensor& b);

/// Returns true if the shapes and all elements are equal.
bool is_identical(const Tensor& a, const Tensor& b);

/// Largest finite magnitude; 0 for an empty tensor.
double largest_value(const Tensor& x);

/// Largest difference divided by the largest value of `expected`.
double relative_error(const Tensor& y, const Tensor& expected);

/// Largest allowed relative error for signals of this format. float32 rounds in a different order
/// on devices other than the CPU.
double tolerance_of(const Format& in);

}  // namespace torchstreamer::tools
