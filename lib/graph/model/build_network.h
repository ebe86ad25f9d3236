// Networks of evaluated graphs.
#pragma once

#include "graph/evaluate/evaluator.h"
#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// Returns the stream that forward() returns as the tensor that `options` choose. Throws Refusal,
/// or OptionError if there is no such tensor.
Stream output_stream(Evaluator& evaluator, const Returned& returned, const LoadOptions& options);

/// Returns the network that computes the stream `output` in the shape `[frames, channels]`. `call`:
/// the call of forward() that it must equal. `offline`: the model itself, called so.
std::shared_ptr<const PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                                    const Stream& output, const ForwardCall& call,
                                                    Execution execution, OfflineRule offline);

}  // namespace torchstreamer::graph
