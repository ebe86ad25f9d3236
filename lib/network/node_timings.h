// Timings of all nodes of a network.
#pragma once

#include <vector>

#include "network/network.h"

namespace torchstreamer {

/// Returns the timing from the source to each node. Equals Network::timing_of() for the nodes up to
/// it, and takes time that is linear in the number of nodes.
std::vector<Timing> node_timings(const Network& network);

}  // namespace torchstreamer
