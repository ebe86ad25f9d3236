// What operators that are pointwise in time compute, said as data.
#pragma once

#include "graph/lowering/lowering.h"
#include "graph/plan/call.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {

/// A process of the plan to be: the streams among the arguments of its operator, with their
/// formats, what it does to time-major frames, and what comes out.
struct PointwiseProcess {
  const std::vector<Stream>& inputs;
  const std::vector<Format>& formats;
  const PointwiseRule& rule;
  const Stream& output;
  int64_t rate, block;
};

/// std::monostate where the operator is none of those that are known, or not over float32.
Computation computation_of(const Call& call, const PointwiseProcess& process);

}  // namespace torchstreamer::graph
