// Lists, tuples and dictionaries of the graph, whose items may be of any kind.
#pragma once

#include <optional>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the results of an operator on a list or a dictionary; none if argument 0 is neither, or
/// if the operator is computed by libtorch. Changes the list or dictionary of an operator that does
/// so. Throws Refusal.
std::optional<std::vector<Value>> collection_operation(const Call& call);

/// Returns the items of the list or tuple that is argument 0, one for each output of the node.
std::vector<Value> unpack(const Call& call);

}  // namespace torchstreamer::graph
