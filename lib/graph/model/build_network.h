// Networks of evaluated graphs.
#pragma once

#include "graph/evaluate/evaluator.h"
#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// A tensor that the model returns, and its index among all of them.
struct ChosenOutput {
  int index;
  Stream stream;
};

/// Returns the tensor that `options` choose. Throws Refusal if it is not a stream, or OptionError
/// if there is no such tensor.
ChosenOutput chosen_output(Evaluator& evaluator, const Returned& returned,
                           const LoadOptions& options);

/// Returns the network that computes `output`, a stream of those that forward() `returned`, in the
/// shape `[frames, channels]`. `call`: the call of forward() that it must equal. `offline`: the
/// model itself, called in this way.
std::shared_ptr<PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                              const Returned& returned, const Stream& output,
                                              const ForwardCall& call, Execution execution,
                                              OfflineRule offline);

/// Returns the result of `plan`, called with the lengths for which decisions are made. Plans again
/// for longer signals until the memory of the model is shorter, and for the lengths that it wants.
/// `evaluator`: the one that the last call of `plan` has set. Throws what `plan` throws, and Error
/// if the memory is too long.
std::shared_ptr<PlannedNetwork> plan_beyond_memory(
    const std::function<std::shared_ptr<PlannedNetwork>(const Lengths& lengths)>& plan,
    std::shared_ptr<Evaluator>& evaluator);

}  // namespace torchstreamer::graph
