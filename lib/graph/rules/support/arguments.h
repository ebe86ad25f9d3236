// Arguments of operators, converted for rules.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the axis of the tensor `x` in argument `i`, counted from 0.
int64_t axis_argument(const Call& call, size_t i, const Stream& x);

/// Returns list argument `i` of an operator over `axes` axes, with one entry for each axis; empty
/// if the list is empty.
std::vector<int64_t> entries(const Call& call, size_t i, int64_t axes);

/// Returns nothing for None.
Optional<int64_t> optional_integer(const Call& call, size_t i);
Optional<bool> optional_boolean(const Call& call, size_t i);

/// Refuses with "it does not run along the time axis" unless `axis` is the time axis of `x`.
void require_time_axis(const Call& call, const Stream& x, int64_t axis);

}  // namespace torchstreamer::graph
