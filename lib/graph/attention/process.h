// The process that attention becomes when its weights meet the values.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

struct Attention {
  ScoresPtr weights;
  Stream value;
  int axis;  ///< of time in what comes out
  /// What the values `[.., keys, ..]` become, weighted for the queries of a block.
  std::function<Tensor(const ScoreBlock&, const Tensor& values)> attend;
};

/// Adds the process to the plan. Refuses what has no bounded window, or sees beyond it.
Stream add_attention(const Call& call, const Attention& attention);

}  // namespace torchstreamer::graph
