// Operators that are run by libtorch while a plan is made: over constants and over lengths.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Runs the operator for a signal of `source_frames` and returns its results as constants. Streams
/// among its arguments are silence.
std::vector<Value> run(const Call& call, int64_t source_frames);

/// Returns the results of an operator over lengths as functions of the length of the signal: the
/// operator is run for each length that is asked for.
std::vector<Value> symbolic(const Call& call);

/// Sizes of a stream (aten::size): the size of its time axis is a function of the length.
std::vector<Value> size(const Call& call);

}  // namespace torchstreamer::graph
