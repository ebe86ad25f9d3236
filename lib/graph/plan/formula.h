// Closed formulas for values that depend on the length of the signal.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "torchstreamer/timing.h"

namespace torchstreamer::graph {

/// An integer function f of the length n of the signal with f(n + period) = f(n) + step: frames
/// after strides, paddings to a multiple, crops. Thread-safe.
class Formula {
 public:
  /// Returns the formula of the shortest period that gives `values[i]` for the length `first_length
  /// + i`; none if the values do not contain two periods.
  static std::optional<Formula> fit(int64_t first_length, const std::vector<int64_t>& values);

  int64_t at(int64_t length) const;
  int64_t period_frames() const { return static_cast<int64_t>(table_.size()); }
  /// Returns at() as a rule; a constant if the formula is constant.
  LengthRule rule() const;

 private:
  std::vector<int64_t> table_;  // values for the lengths of the first period
  int64_t step_ = 0;            // added for each further period
};

/// Returns the least length, 1 or more, for which `holds` is true, by bisection. `holds` must also
/// be true for all longer lengths. Returns a very large length if there is none.
int64_t least_length(const std::function<bool(int64_t length)>& holds);

}  // namespace torchstreamer::graph
