// Advice for operators that are refused because they use the whole signal.
#pragma once

#include <string>

namespace torchstreamer::graph {

/// Returns a clause to append to the reason of the refusal; empty if there is no advice.
std::string advice_for(const std::string& operator_name);

}  // namespace torchstreamer::graph
