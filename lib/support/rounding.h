// The largest error that a streamed output may have: that of float32, measured against the same
// model in float64.
#pragma once

#include <functional>

#include "support/tensor.h"

namespace torchstreamer {

/// Compares element by element; NaN equals NaN.
Tensor is_same(const Tensor& a, const Tensor& b);

/// Returns true if the shapes and all elements are equal.
bool is_identical(const Tensor& a, const Tensor& b);

/// Largest magnitude, without NaN and infinity; 0 for an empty tensor.
double peak_of(const Tensor& x);

/// Largest difference of two tensors of one shape, computed in float64. Infinity if an element is
/// NaN or infinite in one of them only.
double largest_difference(const Tensor& a, const Tensor& b);

/// Error relative to the peak that a stream may have in any case. float32 rounds in a different
/// order on devices other than the CPU.
double tolerance_of(at::ScalarType type, at::Device device = at::kCPU);

/// A model over `[C, T]`; throws if it does not take the signal.
using OfflineFunction = std::function<Tensor(const Tensor& x)>;

/// The output that a stream must have for one signal.
struct Expected {
  Tensor y;              ///< `[C, T]`, computed in float64 if the model can be
  double peak = 0;       ///< peak of `y`
  double own_error = 0;  ///< largest error of the model's own output in the type of the stream
  double allowed = 0;    ///< largest error of the stream
};

/// `own`: output of the model in the type of the stream, `exact`: in float64. The stream may have
/// an error of `tolerance` times the peak, or of twice the model's own error if that is larger.
Expected expected_from(const Tensor& own, const Tensor& exact, double tolerance);

/// Runs `own` and, for a signal of float32, `exact`, the same model in float64, or null. Its own
/// output is the reference of a model that does not run in float64, or in which a comparison or a
/// quantiser has a different result there. Throws what `own` throws.
Expected expected_of(const OfflineFunction& own, const OfflineFunction& exact, const Tensor& x);

/// Returns true if `y`, `[C, T]`, has the expected shape and at most the allowed error.
bool is_within_rounding(const Tensor& y, const Expected& expected);

}  // namespace torchstreamer
