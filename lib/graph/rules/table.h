// The table of all rules.
#pragma once

#include <string>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The rule of an operator ("aten::conv1d"), or null. Throws Error if two rows of the table have
/// the same name.
Rule find_rule(const std::string& operator_name);

/// The rule of all operators that are not in the table: accepts those that prove to be pointwise in
/// time.
std::vector<Value> rule_of_others(const Call& call);

}  // namespace torchstreamer::graph
