// Arithmetic on lengths: how its results grow with the length of the signal.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the period of the numbers that an operator computes from lengths and constants, see
/// Symbol::period_frames; 0 if the operator is not known to keep one.
int64_t arithmetic_period_frames(const Call& call);

/// Returns a period of the number for all signals that are long enough: the order of the numbers
/// that it compares no longer changes. 0 if none is known.
int64_t long_period_frames(const Symbol& symbol);

}  // namespace torchstreamer::graph
