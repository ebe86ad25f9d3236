// Measurement of the number of input frames before the first output frame.
#pragma once

#include "graph/model/script_model.h"
#include "tools/certificate.h"

namespace torchstreamer::tools {

/// Measures the delay of a stream, and the smallest delay that the model allows, on random signals.
/// `in`: format of the signals.
Delay measure_delay(const LayerPtr& network, const graph::OfflineRule& offline, const Format& in,
                    uint32_t seed);

}  // namespace torchstreamer::tools
