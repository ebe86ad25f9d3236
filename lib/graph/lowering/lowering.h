// What operators that are pointwise in time compute, as data.
#pragma once

#include "graph/plan/call.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {

/// The process that an operator becomes.
struct PointwiseProcess {
  const std::vector<Stream>& inputs;   ///< the streams among the arguments
  const std::vector<Format>& formats;  ///< of the inputs
  const PointwiseRule& rule;           ///< the operator over time-major frames
  const Stream& output;
  int64_t rate, block;  ///< output frames for each block of input frames
};

/// The computation of an operator over float32; std::monostate if it is not known.
Computation computation_of(const Call& call, const PointwiseProcess& process);

/// Whether the computation of an operator ("aten::relu") is known for some arguments.
bool has_lowering(const std::string& operator_name);

}  // namespace torchstreamer::graph
