// Resampling of the signal by positions in it.
#pragma once

#include <optional>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Adds the resampling of `x` if its frames at the positions `at` are those of upsample_nearest1d()
/// by a constant factor; returns none otherwise. `at`: a list of integers for each length.
std::optional<Stream> resampled(const Call& call, const Stream& x, const SymbolPtr& at);

}  // namespace torchstreamer::graph
