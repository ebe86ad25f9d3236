// Comparison of a stream with the model that it was planned from.
#pragma once

#include "graph/model/script_model.h"
#include "tools/certificate.h"

namespace torchstreamer::tools {

/// Runs random signals of 1 frame to more than twice the receptive field through streams of the
/// network, each cut in several ways, and through the model. `in`: format of the signals. `exact`:
/// the model in float64, or null.
TypeCertificate compare(const LayerPtr& network, const graph::OfflineRule& offline,
                        const Format& in, uint32_t seed, const graph::OfflineRule& exact = nullptr);

}  // namespace torchstreamer::tools
