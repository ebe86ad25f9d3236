// The cost of a process in multiply-adds. A multiply-add is a product of a sample with a weight or
// with another sample that is added to a sum. Elementwise operators and Fourier transforms are not
// counted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "support/operator_observation.h"

namespace torchstreamer {

/// Work of operators. An operator that another one calls is a part of it.
struct OperatorWork {
  /// Those of convolutions, recurrences, attentions and matrix products.
  int64_t multiply_adds = 0;
  int64_t elements = 0;  ///< elements in the outputs of all operators
  int64_t operators = 0;
};

/// Counts the work of the operators of this thread since it was created. Observers may be nested.
class WorkObserver {
 public:
  WorkObserver();
  ~WorkObserver();
  WorkObserver(const WorkObserver&) = delete;
  WorkObserver& operator=(const WorkObserver&) = delete;

  OperatorWork work() const;

 private:
  OperatorWork before_;
  std::optional<OperatorObservation> observation_;  // of the outermost observer
};

/// Runs `computation` and returns its OperatorWork::multiply_adds. For computations that are not
/// available as data.
int64_t counted_multiply_adds(const std::function<void()>& computation);

}  // namespace torchstreamer
