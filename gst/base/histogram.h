// Statistics of durations in constant memory.
#pragma once

#include <array>
#include <cstdint>

namespace torchstreamer {

/// Counts durations in bins whose width is 1/16 of their value.
class DurationHistogram {
 public:
  void add(uint64_t ns);
  /// Returns the quantile, rounded up to the end of its bin but at most max_ns(); 0 if there are no
  /// durations.
  uint64_t quantile_ns(double quantile) const;
  uint64_t max_ns() const { return max_ns_; }
  uint64_t count() const { return count_; }

 private:
  // Bins for durations of up to more than two hours; the last one contains all longer durations.
  std::array<uint64_t, 640> bins_ = {};
  uint64_t count_ = 0, max_ns_ = 0;
};

}  // namespace torchstreamer
