// Pieces of time one after the other.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Joins pieces of time, at least one of them a stream: constants before and after it, or streams
/// of which all but the last end by themselves.
Stream add_concatenation(const Call& call, const std::vector<Value>& pieces);

}  // namespace torchstreamer::graph
