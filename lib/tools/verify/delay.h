// Measurement of the number of input frames before the first output frame.
#pragma once

#include "graph/model/script_model.h"
#include "tools/report/certificate.h"
#include "tools/verify/random_signals.h"

namespace torchstreamer::tools {

/// Measures the delay of a stream, and the smallest delay that the model allows, on random signals.
/// It is not measured if the stream fails. `in`: format of the signals. `most_frames`: length of
/// the longest signal.
Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed, int64_t most_frames = kAnyFrames);

}  // namespace torchstreamer::tools
