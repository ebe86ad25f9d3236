// Lengths as closed formulas of the length of the signal.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "torchstreamer/timing.h"

namespace torchstreamer::graph {

/// An integer that repeats with the length n of the signal, but for a constant step a period:
/// frames after strides, paddings to a multiple, crops. A value; thread-safe.
class Formula {
 public:
  /// The simplest formula that gives `values[i]` for the length `first_length + i`, from enough
  /// values to show its period twice; none where there is no such formula.
  static std::optional<Formula> fit(int64_t first_length, const std::vector<int64_t>& values);

  int64_t at(int64_t length) const;
  /// at(), which a formula that is always the same number needs no call for.
  LengthRule rule() const;

 private:
  std::vector<int64_t> table_;  // values for the remainders of the length
  int64_t step_ = 0;            // from one period to the next
};

/// The least length, from 1 on, of which `holds` is true, as it is of all longer ones; a very large
/// one where there is none.
int64_t least_length(const std::function<bool(int64_t length)>& holds);

}  // namespace torchstreamer::graph
