// The rule of operators that are pointwise in time.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Adds one process for each tensor that the operator returns. Refuses operators that are not
/// pointwise in time or in blocks of frames.
std::vector<Value> pointwise(const Call& call);

}  // namespace torchstreamer::graph
