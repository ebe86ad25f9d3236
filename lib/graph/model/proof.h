// Comparison of a plan with the model that it was made of.
#pragma once

#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// Runs the model offline and the network streamed, on random signals of several lengths: traced
/// models that keep the length they were traced with are found here. A signal that is too short for
/// the model proves nothing. `in`: format of the signal. Throws Refusal if an output differs.
void prove(const std::shared_ptr<const PlannedNetwork>& network, const OfflineRule& offline,
           const Format& in);

}  // namespace torchstreamer::graph
