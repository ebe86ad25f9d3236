// Operators over scores of attention.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The rule of operators with scores among their arguments. Returns scores, or a stream if they are
/// multiplied with values.
std::vector<Value> attention_scores(const Call& call);

/// The rule of operators that use only the shape and the type of scores.
std::vector<Value> shape_of_scores(const Call& call);

}  // namespace torchstreamer::graph
