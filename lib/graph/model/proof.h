// Comparison of a plan with its model.
#pragma once

#include "graph/model/planned_network.h"

namespace torchstreamer::graph {

/// Runs the model offline and the network streamed on random signals of several lengths. This finds
/// traced models that contain the length of their example signal. Signals that are too short for
/// the model are skipped. Signals that would take more than a few tenths of a second or about 100
/// MB are replaced by shorter ones. `exact`: the model in float64, or null; it runs only if the
/// outputs differ by more than the usual rounding of float32. `in`: format of the signal.
/// `max_frames`: length of the longest signal for attention over all earlier frames, 0: unlimited.
/// `is_traced`: the refusal explains that traced models may contain the length of their example
/// signal. Returns an empty text if a signal of at least the receptive field was compared,
/// otherwise a text about the compared signals. Throws Refusal if an output differs.
std::string prove(const std::shared_ptr<const PlannedNetwork>& network, const OfflineRule& offline,
                  const OfflineRule& exact, const Format& in, int64_t max_frames, bool is_traced);

}  // namespace torchstreamer::graph
