// The largest allowed error of a streamed output: the rounding error of float32, relative to the
// same model in float64.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace torchstreamer::testing {

/// An offline model over `[C, T]`; throws if the signal is too short for it.
struct Offline {
  using Run = std::function<at::Tensor(const at::Tensor&)>;

  template <class F, class = std::enable_if_t<std::is_convertible_v<F, Run>>>
  Offline(F run, Run exact = {}) : run(std::move(run)), exact(std::move(exact)) {}

  at::Tensor operator()(const at::Tensor& x) const { return run(x); }

  Run run;
  /// A float32 model converted to float64, for float64 signals; empty if there is none.
  Run exact;
};

/// Allowed error, relative to the peak of the output.
inline double tolerance(at::ScalarType type) { return type == at::kDouble ? 1e-12 : 1e-6; }
inline double tolerance(const at::Tensor& x) { return tolerance(x.scalar_type()); }

inline double peak_of(const at::Tensor& y) { return y.abs().max().item<double>(); }

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// The offline output for one signal.
struct Expected {
  at::Tensor y;          ///< output of the model in float64, `[C, T]`
  double own_error = 0;  ///< largest error of the model's own float32 output, compared with `y`
  double peak = 0;       ///< largest magnitude in `y`
  double allowed = 0;    ///< largest allowed error of a stream
};

/// `own`: output of the model in the type of the stream; `exact`: its output in float64.
inline Expected expected_from(const at::Tensor& own, const at::Tensor& exact) {
  Expected e{exact, largest_difference(own, exact), peak_of(exact), 0};
  e.allowed = std::max(tolerance(own) * e.peak, 2 * e.own_error);
  return e;
}

/// True if rounding has changed a decision of the model, at a comparison or a quantiser. The model
/// in float64 is no reference in that case.
inline bool chooses_differently(const Expected& e) { return !(e.own_error <= 1e-3 * e.peak); }

/// The expected output for `x`. Without a model in float64 the float32 output is the reference.
inline Expected expected_of(const Offline& offline, const at::Tensor& x) {
  const at::Tensor own = offline(x);
  if (x.scalar_type() != at::kFloat || !offline.exact || own.numel() == 0)
    return own.numel() == 0 ? Expected{own} : expected_from(own, own);
  at::Tensor exact = own;
  try {
    exact = offline.exact(x.to(at::kDouble));
  } catch (const std::exception&) {  // the model itself mixes both types
  }
  if (exact.sizes() != own.sizes()) return expected_from(own, own);
  const Expected e = expected_from(own, exact);
  return chooses_differently(e) ? expected_from(own, own) : e;
}

/// True if `y` `[C, T]` equals the offline output up to rounding.
inline bool is_within_rounding(const at::Tensor& y, const Expected& e) {
  return y.sizes() == e.y.sizes() && largest_difference(y, e.y) <= e.allowed;
}

inline void expect_within_rounding(const at::Tensor& y, const Expected& e) {
  ASSERT_EQ(y.sizes(), e.y.sizes());
  EXPECT_LE(largest_difference(y, e.y), e.allowed)
      << "peak " << e.peak << ", float32 error of the model itself " << e.own_error;
}

}  // namespace torchstreamer::testing
