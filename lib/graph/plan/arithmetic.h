// Arithmetic on lengths: how its results grow with the length of the signal.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the period of the numbers that an operator computes from lengths and constants, see
/// Symbol::period_frames; 0 if the operator is not known to keep one.
int64_t arithmetic_period_frames(const Call& call);

}  // namespace torchstreamer::graph
