// Comparison of a stream with its model.
#pragma once

#include "graph/model/script_model.h"
#include "tools/report/certificate.h"
#include "tools/verify/random_signals.h"

namespace torchstreamer::tools {

/// Processes random signals of 1 frame to more than twice the receptive field with the model and
/// with streams of the network; fewer signals if the model is large. Each signal is cut into pushes
/// in several ways. A stream must end with an error for a length that the model rejects, and be
/// usable again. `in`: format of the signals. `exact`: the model in float64, or null: then its own
/// output is the reference. `most_frames`: length of the longest signal.
TypeCertificate compare(const LayerPtr& network, const graph::OfflineRule& offline,
                        const Format& in, uint32_t seed, const graph::OfflineRule& exact = nullptr,
                        int64_t most_frames = kAnyFrames);

}  // namespace torchstreamer::tools
