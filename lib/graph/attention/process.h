// The process of attention: the product of weights and values.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

struct Attention {
  ScoresPtr weights;
  Stream value;
  int axis;  ///< time axis of the output
  /// Multiplies the weights of a block with the values `[.., keys, ..]`.
  std::function<Tensor(const ScoreBlock&, const Tensor& values)> attend;
};

/// Adds the process to the plan. Refuses attention without a bounded window.
Stream add_attention(const Call& call, const Attention& attention);

}  // namespace torchstreamer::graph
