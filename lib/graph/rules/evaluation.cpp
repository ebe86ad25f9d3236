// Operators that are simpler in eval mode than in training mode, and copies.
#include "graph/rules/families.h"
#include "graph/rules/support/pointwise.h"
#include "graph/rules/support/training.h"

namespace torchstreamer::graph {
namespace {

// (input, weight, bias, running_mean, running_var, training, ...).
std::vector<Value> batch_norm(const Call& call) {
  if (call.boolean(5))
    call.refuse("BatchNorm in training mode averages over time; call eval() before scripting");
  return pointwise(call);
}

// (self, lower, upper, training, generator).
std::vector<Value> randomised_relu(const Call& call) {
  if (call.boolean(3))
    call.refuse("RReLU in training mode is random; call eval() before scripting");
  return pointwise(call);
}

// (input, p, train).
std::vector<Value> dropout(const Call& call) {
  require_no_dropout(call, /*training=*/2, /*probability=*/1);
  return {call.args[0]};
}

// (self, other).
std::vector<Value> type_as(const Call& call) {
  const Stream *x = call.args[0].stream(), *other = call.args[1].stream();
  return x && other && x->dtype == other->dtype ? std::vector<Value>{*x} : pointwise(call);
}

// Copies and changes of the memory layout, which frames of a stream do not have.
std::vector<Value> identity(const Call& call) { return {call.args[0]}; }

}  // namespace

const RuleRows& evaluation_rules() {
  static const RuleRows rows = {
      {"aten::alpha_dropout", dropout},
      {"aten::batch_norm", batch_norm},
      {"aten::clone", identity},
      {"aten::contiguous", identity},
      {"aten::detach", identity},
      {"aten::dropout", dropout},
      {"aten::feature_alpha_dropout", dropout},
      {"aten::feature_dropout", dropout},
      {"aten::rrelu", randomised_relu},
      {"aten::type_as", type_as},
      {"prim::data", identity},
  };
  return rows;
}

}  // namespace torchstreamer::graph
