// Operators that libtorch runs while a plan is made: operators over constants and lengths.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Runs the operator for a signal of `source_frames` and returns its results as constants. Streams
/// among its arguments are silence.
std::vector<Value> run(const Call& call, int64_t source_frames);

/// Returns the results of an operator over lengths as functions of the length of the signal. The
/// functions run the operator for the length that they are called with.
std::vector<Value> symbolic(const Call& call);

/// Sizes of a stream (aten::size): the size of its time axis is a function of the length.
std::vector<Value> size(const Call& call);

}  // namespace torchstreamer::graph
