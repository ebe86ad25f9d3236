// Operators over scores of attention.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// An operator with scores among its arguments. Returns more scores or, if they are multiplied with
/// values, a stream.
std::vector<Value> attention_scores(const Call& call);

/// An operator that uses only the shape and the type of scores.
std::vector<Value> shape_of_scores(const Call& call);

}  // namespace torchstreamer::graph
