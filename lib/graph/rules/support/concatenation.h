// Concatenation along time.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Concatenates pieces along time: a stream with constants before and after it, or several streams,
/// all of which except the last have a length that does not depend on the signal.
Stream add_concatenation(const Call& call, const std::vector<Value>& pieces);

}  // namespace torchstreamer::graph
