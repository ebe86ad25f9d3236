// Concatenation along time.
#include "graph/rules/families.h"
#include "graph/rules/support/arguments.h"
#include "graph/rules/support/concatenation.h"
#include "graph/rules/support/pointwise.h"

namespace torchstreamer::graph {
namespace {

// (tensors, dim).
std::vector<Value> concatenate(const Call& call) {
  if (!call.args[0].list())
    call.refuse("the list of tensors that it concatenates depends on the length of the signal");
  const auto& items = **call.args[0].list();
  for (const Value& item : items)
    if (const Stream* x = item.stream())
      return axis_argument(call, 1, *x) == x->axis
                 ? std::vector<Value>{add_concatenation(call, items)}
                 : pointwise(call);
  return pointwise(call);
}

}  // namespace

const RuleRows& concatenate_rules() {
  static const RuleRows rows = {
      {"aten::cat", concatenate},
      {"aten::concat", concatenate},
      {"aten::concatenate", concatenate},
  };
  return rows;
}

}  // namespace torchstreamer::graph
