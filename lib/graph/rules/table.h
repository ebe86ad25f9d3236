// The table of all rules.
#pragma once

#include <string>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Returns the rule of an operator ("aten::conv1d"), or null. Throws Error if two rows of the table
/// have the same name.
Rule find_rule(const std::string& operator_name);

/// The rule of all operators that are not in the table. Accepts those that are pointwise in time.
std::vector<Value> rule_of_others(const Call& call);

}  // namespace torchstreamer::graph
