#include "graph/rules/table.h"

#include <map>

#include "graph/lowering/lowering.h"
#include "graph/rules/advice.h"
#include "graph/rules/families.h"
#include "graph/rules/support/pointwise.h"
#include "torchstreamer/error.h"

namespace torchstreamer::graph {
namespace {

using Table = std::map<std::string, Rule>;

Table joined_families() {
  Table table;
  for (const RuleRows* family :
       {&attention_rules(), &concatenate_rules(), &convolution_rules(), &cumulative_rules(),
        &evaluation_rules(), &pad_rules(), &pool_rules(), &recurrent_rules(), &slice_rules(),
        &spectral_rules(), &upsample_rules(), &window_rules()})
    for (const RuleRow& row : *family)
      if (!table.emplace(row.operator_name, row.rule).second)
        throw Error(std::string(row.operator_name) + " has two rules");
  return table;
}

}  // namespace

Rule find_rule(const std::string& operator_name) {
  static const Table table = joined_families();
  const auto row = table.find(operator_name);
  return row == table.end() ? nullptr : row->second;
}

std::vector<Value> rule_of_others(const Call& call) {
  const std::string name = operator_name(call.node);
  try {
    return pointwise(call);
  } catch (const ShapeMismatch& e) {
    throw ShapeMismatch(refusal(call.node, e.reason() + advice_for(name)));
  } catch (const Refusal& e) {
    const char* known = has_lowering(name) ? "" : "this operator has no streaming rule, and ";
    call.refuse(known + e.reason() + advice_for(name));
  }
}

}  // namespace torchstreamer::graph
