// Search for the shape of the signal that forward() takes.
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "network/layer.h"

namespace torchstreamer::graph {

/// Result of planning for one shape of the signal.
struct Attempt {
  LayerPtr network;             ///< null if the model was refused
  std::exception_ptr error;     ///< the reason
  size_t progress = 0;          ///< number of nodes that were evaluated
  int64_t wanted_channels = 0;  ///< number of channels that the model accepts, if known
};

/// Plans for signals with a number of channels and a rank: 3 is [1, C, T], 2 is [C, T], 1 is [T].
using Planning = std::function<Attempt(int64_t channels, int rank)>;

/// Returns the first network that is planned. If `channels` is 0, tries 1, 2 and `likely_channels`
/// and sets it to the number of the returned network. Throws the error of the attempt with the most
/// progress.
LayerPtr plan_for_any_shape(const Planning& plan, int64_t& channels,
                            const std::vector<int64_t>& likely_channels);

}  // namespace torchstreamer::graph
