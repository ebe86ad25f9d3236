// Lists, tuples and dictionaries of the graph, whose items may be of any kind.
#pragma once

#include <optional>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the results of an operator on a list or a dictionary; none if argument 0 is neither, or
/// if libtorch computes the operator. Some operators change the list or dictionary. Throws Refusal.
std::optional<std::vector<Value>> collection_operation(const Call& call);

/// Returns the items of the list or tuple that is argument 0, one for each output of the node.
std::vector<Value> unpack(const Call& call);

}  // namespace torchstreamer::graph
