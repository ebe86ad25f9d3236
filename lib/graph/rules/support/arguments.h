// Arguments of operators as rules use them.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The axis of the tensor `x` that argument `i` names, counted from 0.
int64_t axis_argument(const Call& call, size_t i, const Stream& x);

/// The list argument `i` of an operator over `axes` axes, one entry for each; empty if the list is.
std::vector<int64_t> entries(const Call& call, size_t i, int64_t axes);

/// Undefined for None.
Optional<int64_t> optional_integer(const Call& call, size_t i);
Optional<bool> optional_boolean(const Call& call, size_t i);

/// Refuses with "it does not run along the time axis" unless `axis` is the time axis of `x`.
void require_time_axis(const Call& call, const Stream& x, int64_t axis);

}  // namespace torchstreamer::graph
