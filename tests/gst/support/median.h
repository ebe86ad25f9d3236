// Median of durations: robust on machines with other load.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace torchstreamer::test {

/// Median of `times`, which must not be empty.
inline std::chrono::steady_clock::duration median(
    std::vector<std::chrono::steady_clock::duration> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

}  // namespace torchstreamer::test
