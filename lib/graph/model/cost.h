// Cost of running a model on a whole signal.
#pragma once

#include "network/network.h"

namespace torchstreamer::graph {

/// Cost of an offline run, for each frame of the signal, and of a stream.
struct ModelCost {
  /// Returns the largest number of frames of a run that costs at most this.
  double frames_for(double most_multiply_adds) const;

  double multiply_adds = 0;  ///< multiply-adds, and other operations in terms of them
  double of_pairs = 0;       ///< the same for each pair of frames, of attention
  double bytes = 0;          ///< largest memory of all values that exist at the same time
  double stream_bytes = 0;   ///< memory of the frames that a stream keeps
};

/// Returns the cost of the operators that `network` was planned from. `in`: format of the signal.
ModelCost cost_of(const Network& network, const Format& in);

}  // namespace torchstreamer::graph
