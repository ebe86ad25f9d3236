// How long things took, in constant memory.
#pragma once

#include <array>
#include <cstdint>

namespace torchstreamer {

/// Counts durations in bins that are a sixteenth of their value wide.
class DurationHistogram {
 public:
  void add(uint64_t ns);
  /// The duration that the fraction `quantile` of all is not longer than, rounded up to the end of
  /// its bin, but never longer than the longest; 0 where there are none.
  uint64_t quantile_ns(double quantile) const;
  uint64_t max_ns() const { return max_ns_; }
  uint64_t count() const { return count_; }

 private:
  std::array<uint64_t, 640> bins_ = {};  // to more than two hours; the last has what is longer
  uint64_t count_ = 0, max_ns_ = 0;
};

}  // namespace torchstreamer
