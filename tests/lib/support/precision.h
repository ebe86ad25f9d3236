// The comparison of a stream with its offline model, see support/rounding.h.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "support/rounding.h"

namespace torchstreamer::testing {

using torchstreamer::Expected;

/// An offline model over `[C, T]`; throws if the signal is too short for it.
struct Offline {
  using Run = OfflineFunction;

  template <class F, class = std::enable_if_t<std::is_convertible_v<F, Run>>>
  Offline(F run, Run exact = {}) : run(std::move(run)), exact(std::move(exact)) {}

  at::Tensor operator()(const at::Tensor& x) const { return run(x); }

  Run run;
  /// A model of float32 in float64, for signals of float64; empty if there is none.
  Run exact;
};

/// Relative to the peak of the output.
inline double tolerance(const at::Tensor& x) { return tolerance_of(x.scalar_type()); }

inline Expected expected_of(const Offline& offline, const at::Tensor& x) {
  return torchstreamer::expected_of(offline.run, offline.exact, x);
}

/// `y` `[C, T]` equals the offline output but for the rounding of its type.
inline void expect_within_rounding(const at::Tensor& y, const Expected& e) {
  ASSERT_EQ(y.sizes(), e.y.sizes());
  EXPECT_LE(torchstreamer::largest_difference(y, e.y), e.allowed)
      << "peak " << e.peak << ", float32 error of the model itself " << e.own_error;
}

}  // namespace torchstreamer::testing
