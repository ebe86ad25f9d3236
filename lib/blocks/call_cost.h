// Cost of calls, counted without a clock.
#pragma once

#include <optional>

#include "blocks/operator_observation.h"

namespace torchstreamer::blocks {

/// In multiply-adds, of which a core computes some billion per second. The same on every machine.
struct CallCost {
  /// Rough number for products and convolutions, and the elements of the outputs of other
  /// operators. An operator that another one calls is a part of it.
  double multiply_adds = 0;
  /// Time for the calls of operators, whatever their size.
  double overhead = 0;

  double total() const { return multiply_adds + overhead; }
};

/// Counts the operators of this thread since it was created. Observers may be nested.
class CostObserver {
 public:
  CostObserver();
  ~CostObserver();
  CostObserver(const CostObserver&) = delete;
  CostObserver& operator=(const CostObserver&) = delete;

  CallCost cost() const;

 private:
  CallCost before_;
  std::optional<OperatorObservation> observation_;  // of the outermost observer
};

}  // namespace torchstreamer::blocks
