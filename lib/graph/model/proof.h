// Comparison of a plan with its model.
#pragma once

#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// Runs the model offline and the network streamed on random signals of several lengths. This finds
/// traced models that contain the length of their example signal. Signals that are too short for
/// the model are skipped. `in`: format of the signal. Throws Refusal if an output differs.
void prove(const std::shared_ptr<const PlannedNetwork>& network, const OfflineRule& offline,
           const Format& in);

}  // namespace torchstreamer::graph
