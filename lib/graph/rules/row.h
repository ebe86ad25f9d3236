// A row of the table of rules.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

struct RuleRow {
  const char* operator_name;  ///< "aten::conv1d"
  Rule rule;
};
using RuleRows = std::vector<RuleRow>;

}  // namespace torchstreamer::graph
