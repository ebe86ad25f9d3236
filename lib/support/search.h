// Binary search for the smallest number that satisfies a monotonic condition.
#pragma once

#include <cstdint>

namespace torchstreamer {

/// Returns the smallest number in (low, high] for which `holds` is true. `holds` must be false
/// below some number and true from that number on, and true for `high`.
template <class Predicate>
int64_t first_where(int64_t low, int64_t high, const Predicate& holds) {
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (holds(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace torchstreamer
