// The largest error that a streamed output may have: the rounding of float32, measured against the
// same model in float64, and nothing beyond it.
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
  /// A model of float32 in float64, for signals of float64; empty if there is none.
  Run exact;
};

/// Relative to the peak of the output.
inline double tolerance(at::ScalarType type) { return type == at::kDouble ? 1e-12 : 1e-6; }
inline double tolerance(const at::Tensor& x) { return tolerance(x.scalar_type()); }

inline double peak_of(const at::Tensor& y) { return y.abs().max().item<double>(); }

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// The offline output for one signal.
struct Expected {
  at::Tensor y;          ///< `[C, T]`, of the model in float64
  double own_error = 0;  ///< of the model's own float32 output, against `y`
  double peak = 0;       ///< of `y`
  double allowed = 0;    ///< the error that a stream may have
};

/// `own` is the output of the model in the type of the stream, `exact` that in float64.
inline Expected expected_from(const at::Tensor& own, const at::Tensor& exact) {
  Expected e{exact, largest_difference(own, exact), peak_of(exact), 0};
  e.allowed = std::max(tolerance(own) * e.peak, 2 * e.own_error);
  return e;
}

/// Rounding can make a model choose differently, at a comparison or a quantiser. The model in
/// float64 is no reference then.
inline bool chooses_differently(const Expected& e) { return !(e.own_error <= 1e-3 * e.peak); }

/// Without a model in float64 the float32 output is the reference, with no error of its own.
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

/// `y` `[C, T]` equals the offline output but for the rounding of its type.
inline bool is_within_rounding(const at::Tensor& y, const Expected& e) {
  return y.sizes() == e.y.sizes() && largest_difference(y, e.y) <= e.allowed;
}

inline void expect_within_rounding(const at::Tensor& y, const Expected& e) {
  ASSERT_EQ(y.sizes(), e.y.sizes());
  EXPECT_LE(largest_difference(y, e.y), e.allowed)
      << "peak " << e.peak << ", float32 error of the model itself " << e.own_error;
}

}  // namespace torchstreamer::testing
