// Networks of evaluated graphs.
#pragma once

#include "graph/evaluate/evaluator.h"
#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// Returns the network that computes output number `output` of forward(), `[frames, channels]`.
/// `offline`: the model itself. Throws Refusal, or OptionError if there is no such output.
std::shared_ptr<const PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                                    const Returned& returned, int output,
                                                    Execution execution, OfflineRule offline);

}  // namespace torchstreamer::graph
