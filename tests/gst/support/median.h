// Times on machines that do other things, too.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace torchstreamer::test {

/// The middle one of `times`, of which there are some.
inline std::chrono::steady_clock::duration median(
    std::vector<std::chrono::steady_clock::duration> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

}  // namespace torchstreamer::test
