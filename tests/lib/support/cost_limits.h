// Limits of the cost of the decision how a model runs.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "lib/support/usage.h"

namespace torchstreamer::testing {

/// Limits of CPU time and of memory in addition to the weights.
constexpr double kMostSeconds = 2, kMostMib = 300;

/// Expects that `decide` takes no more than that.
inline void expect_within_limits(const std::function<void()>& decide) {
  const Usage usage;
  decide();
  EXPECT_LE(usage.seconds(), kMostSeconds);
  EXPECT_LE(usage.mib(), kMostMib);
}

}  // namespace torchstreamer::testing
