// Cost of calls, counted without a clock.
#pragma once

#include "network/multiply_adds.h"

namespace torchstreamer::blocks {

/// Cost in multiply-adds, the same on every machine. A core computes a few billion per second.
struct CallCost {
  /// Multiply-adds, and one for each element of the outputs of the operators.
  double multiply_adds = 0;
  /// Cost of calling the operators, which does not depend on their size.
  double overhead = 0;

  double total() const { return multiply_adds + overhead; }
};

/// Counts the cost of the operators of this thread since it was created. Observers may be nested.
class CostObserver {
 public:
  CallCost cost() const {
    // Multiply-adds that take as long as the call of an operator: a few microseconds.
    constexpr int64_t kOverhead = 1 << 14;
    const OperatorWork work = observer_.work();
    return {static_cast<double>(work.multiply_adds + work.elements),
            static_cast<double>(work.operators * kOverhead)};
  }

 private:
  WorkObserver observer_;
};

}  // namespace torchstreamer::blocks
