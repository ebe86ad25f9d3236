// Padding that a model writes as an assignment to a part of a longer tensor.
#pragma once

#include <optional>
#include <vector>

#include "graph/evaluate/written.h"

namespace torchstreamer::graph {

/// Returns `whole` after the write of a signal into the part that `views` select, as the padded
/// signal: `whole = torch.zeros(T + n); whole[:T] = x`. Returns none for other writes.
std::optional<Value> padded_by_write(const Call& write, const std::vector<ViewCall>& views,
                                     const SymbolPtr& whole);

}  // namespace torchstreamer::graph
