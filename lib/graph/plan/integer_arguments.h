// Integers among the arguments of operators, which a model file may set to any value.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Refuses constant integers of an operator that are far beyond every size of audio, except bounds
/// of slices, and strides, dilations and kernels that are less than 1. Arithmetic on the others
/// does not overflow, and nothing is divided by 0. `has_rule`: the operator has a streaming rule.
void require_supported_integers(const Call& call, bool has_rule);

}  // namespace torchstreamer::graph
