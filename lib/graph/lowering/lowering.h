// The computations of operators that are pointwise in time, as data.
#pragma once

#include "graph/plan/call.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {

/// The process of an operator.
struct PointwiseProcess {
  const std::vector<Stream>& inputs;   ///< the streams among the arguments
  const std::vector<Format>& formats;  ///< formats of the inputs
  const PointwiseRule& rule;           ///< runs the operator over time-major frames
  const Stream& output;
  int64_t rate, block;  ///< output frames for each block of input frames
};

/// Returns the computation of an operator over float32; std::monostate if it is not known.
Computation computation_of(const Call& call, const PointwiseProcess& process);

/// Returns true if the computation of an operator ("aten::relu") is known for some arguments.
bool has_lowering(const std::string& operator_name);

}  // namespace torchstreamer::graph
