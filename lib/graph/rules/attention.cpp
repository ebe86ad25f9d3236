// Attention over a bounded window. Operators over scores are recorded, because the scores of all
// pairs of frames are never computed. When the weights are multiplied with the values, trial runs
// find the window of a query.
#include "graph/rules/attention.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <set>

#include "graph/attention/block_operation.h"
#include "graph/attention/process.h"
#include "graph/attention/reach.h"
#include "graph/attention/scores.h"
#include "graph/plan/symbolic.h"
#include "graph/rules/families.h"
#include "graph/rules/table.h"
#include "support/axes.h"

namespace torchstreamer::graph {
namespace {

int rank(const Stream& stream) { return static_cast<int>(stream.shape.size()); }

// Weights [.., T, T] x values [.., T, d], or values [.., d, T] x transposed weights.
std::vector<Value> add_weighted(const Call& call) {
  const size_t of_weights = call.args[0].scores() ? 0 : 1;
  const ScoresPtr& weights = *call.args[of_weights].scores();
  const Stream value = call.stream(1 - of_weights);
  const int from_end = of_weights == 0 ? 2 : 1;
  if (value.axis != rank(value) - from_end || weights->is_transposed != (of_weights == 1))
    call.refuse("the weights of attention are not summed over the keys");
  const int rank_out = std::max(static_cast<int>(weights->shape.size()), rank(value));
  auto attend = [run = BlockOperation(call), args = call.args, of_weights](const ScoreBlock& b,
                                                                           const Tensor& values) {
    auto all = args;
    all[1 - of_weights] = Value(IValue(values));
    return run(all, {}, b);
  };
  return {add_attention(call, {upright(weights), value, rank_out - from_end, attend})};
}

// (self, other); baddbmm: (bias, batch1, batch2, beta, alpha).
// Queries [.., T, d] x keys [.., d, T].
std::vector<Value> product(const Call& call) {
  const size_t first = call.node->kind().toUnqualString() == std::string("baddbmm") ? 1 : 0;
  const Stream* query = call.args[first].stream();
  const Stream* key = call.args[first + 1].stream();
  if (!query || !key || query->axis != rank(*query) - 2 || key->axis != rank(*key) - 1)
    return rule_of_others(call);
  ScoreOperands operands = score_operands(call, *query, *key);
  auto args = call.args;
  args[first] = std::move(operands.queries);
  args[first + 1] = std::move(operands.keys);
  return {Value(recorded(call, operands.origin, args))};
}

// "bhid,bhjd->bhij" without spaces: one letter for each axis of the operands and of the result.
struct Equation {
  std::string operands[2], result;
};

std::optional<Equation> equation_of(const Call& call) {
  std::string text = call.constant(0).toStringRef();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos ||
      text.find(',', comma + 1) != std::string::npos || text.find('.') != std::string::npos)
    return std::nullopt;
  return Equation{{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1)},
                  text.substr(arrow + 2)};
}

// Returns the arguments of the einsum with different tensors.
std::vector<Value> einsum_args(std::vector<Value> args, Value a, Value b) {
  args[1] =
      Value(std::make_shared<std::vector<Value>>(std::vector<Value>{std::move(a), std::move(b)}));
  return args;
}

// Adds the product of queries and keys, or of keys and queries.
std::vector<Value> einsum_scores(const Call& call, const Equation& equation, const Stream& a,
                                 const Stream& b) {
  const char times[2] = {equation.operands[0].at(a.axis), equation.operands[1].at(b.axis)};
  if (times[0] == times[1]) return rule_of_others(call);
  const std::string& result = equation.result;
  const std::string end = result.substr(std::max<size_t>(2, result.size()) - 2);
  const bool in_order = end == std::string{times[0], times[1]};
  if (!in_order && end != std::string{times[1], times[0]})
    call.refuse(
        "the last two axes of attention scores must be the time of the queries and the time of "
        "the keys");
  auto [origin, queries, keys] = in_order ? score_operands(call, a, b) : score_operands(call, b, a);
  if (!in_order) std::swap(queries, keys);
  return {Value(recorded(call, origin, einsum_args(call.args, queries, keys)))};
}

// Adds the product of weights and values. `first`: index of the weights among the two tensors.
std::vector<Value> einsum_values(const Call& call, const Equation& equation,
                                 const std::vector<Value>& tensors, size_t first) {
  const ScoresPtr& weights = *tensors[first].scores();
  const Stream* value = tensors[1 - first].stream();
  if (weights->is_transposed) call.refuse("weights that are transposed have no rule");
  const std::string &pair = equation.operands[first], &result = equation.result;
  const size_t time = result.find(pair.end()[-2]);
  if (!value || equation.operands[1 - first].at(value->axis) != pair.back() ||
      time == std::string::npos || result.find(pair.back()) != std::string::npos)
    call.refuse("the weights of attention are not summed over the keys");
  auto attend = [run = BlockOperation(call), args = call.args, first, w = tensors[first]](
                    const ScoreBlock& b, const Tensor& values) {
    const Value v{IValue(values)};
    return run(first == 0 ? einsum_args(args, w, v) : einsum_args(args, v, w), {}, b);
  };
  return {add_attention(call, {weights, *value, static_cast<int>(time), attend})};
}

// (equation, tensors, path).
std::vector<Value> einsum(const Call& call) {
  const auto equation = equation_of(call);
  const auto& tensors = **call.args[1].list();
  if (!equation || tensors.size() != 2) return rule_of_others(call);
  const Stream *a = tensors[0].stream(), *b = tensors[1].stream();
  if (a && b) return einsum_scores(call, *equation, *a, *b);
  if (tensors[0].scores()) return einsum_values(call, *equation, tensors, 0);
  if (tensors[1].scores()) return einsum_values(call, *equation, tensors, 1);
  return rule_of_others(call);
}

// Arguments of scaled_dot_product_attention.
enum AttentionArgument { kQuery, kKey, kValue, kMask, kDropoutP };

// Returns the index of is_causal in scaled_dot_product_attention of libtorch 2, or in its
// predecessor in 1.13, which has need_attn_weights before it.
size_t causal_index(const Call& call) {
  return call.node->kind().toUnqualString() == std::string("_scaled_dot_product_attention") ? 6 : 5;
}

void require_supported(const Call& call) {
  for (const size_t i : {kQuery, kKey, kValue}) {
    const Stream s = call.stream(i);
    if (s.axis != rank(s) - 2) call.refuse_shape("it does not run along the time axis");
  }
  if (call.constant(kDropoutP).toDouble() > 0)
    call.refuse("dropout is random; call eval() before scripting");
  if (call.boolean(causal_index(call)) && call.plan.max_memory_frames() == 0)
    call.refuse(kUnboundedMemory);
}

// Replaces is_causal, which torch does not allow together with a mask, by the mask that it means.
void replace_is_causal(const Call& call, std::vector<Value>& args) {
  if (!call.boolean(causal_index(call))) return;
  auto mask = std::make_shared<Symbol>([plan = &call.plan, query = call.stream(kQuery)](int64_t n) {
    const int64_t frames = plan->frames(query, n);
    return IValue(at::ones({frames, frames}, at::kBool).tril());
  });
  mask->is_heavy = true;
  args[kMask] = Value(mask);
  args[causal_index(call)] = Value(IValue(false));
}

// Computes the weights, which the operator does not return: if the values are unit vectors, its
// output equals the weights.
void take_weights(Scores& scores, const Attention& attention) {
  scores.block = [attend = attention.attend,
                  shape = attention.value.shape](const ScoreBlock& b) mutable {
    shape.end()[-2] = shape.end()[-1] = b.keys;
    return attend(b, at::eye(b.keys, b.query.options()).expand(shape));
  };
  scores.dtype = attention.value.dtype;
}

// (query, key, value, attn_mask, dropout_p, is_causal, ...), all [.., T, d].
std::vector<Value> whole(const Call& call) {
  require_supported(call);
  const Stream value = call.stream(kValue);
  ScoreOperands operands = score_operands(call, call.stream(kQuery), call.stream(kKey));
  auto args = call.args;
  args[kQuery] = std::move(operands.queries);
  args[kKey] = std::move(operands.keys);
  args[kValue] = Value(IValue());
  replace_is_causal(call, args);
  Scores scores = std::move(operands.origin);
  for (const Value& arg : args) collect_tables(call, arg, scores);

  Attention attention{nullptr, value, rank(value) - 2, nullptr};
  attention.attend = [run = BlockOperation(call), args, tables = scores.tables](
                         const ScoreBlock& b, const Tensor& values) {
    auto all = args;
    all[kValue] = Value(IValue(values));
    return run(all, tables, b);
  };
  take_weights(scores, attention);
  attention.weights = std::make_shared<const Scores>(std::move(scores));
  std::vector<Value> results = {add_attention(call, attention)};
  const Poison no_weights{
      refusal(call.node,
              "the weights of attention are not a stream: there is one for each pair of frames")};
  results.resize(call.node->outputs().size(), Value(no_weights));
  return results;
}

std::vector<Value> fused(const Call& call) {
  call.refuse(
      "a fused operator has no streaming rule; script the model, or trace it with gradients "
      "enabled (on PyTorch 2: after torch.backends.mha.set_fastpath_enabled(False))");
}

bool is_softmax(const std::string& name) {
  return name == "aten::softmax" || name == "aten::_softmax" || name == "aten::log_softmax";
}

// Returns true for operators that use only the shape or the type of scores.
bool takes_shape(const Call& call, const std::string& name) {
  static const std::set<std::string> makes = {"aten::zeros_like", "aten::ones_like",
                                              "aten::full_like"};
  static const std::set<std::string> takes = {"aten::to", "aten::type_as", "aten::expand_as",
                                              "aten::view_as"};
  return makes.count(name) || (takes.count(name) && !call.args[0].scores());
}

}  // namespace

// Replaces scores by tensors of the same shape and type that need no memory.
std::vector<Value> shape_of_scores(const Call& call) {
  Call shapes = call;
  for (Value& arg : shapes.args)
    if (const ScoresPtr* scores = arg.scores())
      arg = Value(std::make_shared<Symbol>([plan = &call.plan, s = *scores](int64_t n) {
        auto shape = s->shape;
        for (int64_t& size : shape)
          if (size < 0) size = plan->frames(s->query, n);
        return IValue(at::zeros({}, at::TensorOptions(s->dtype)).expand(shape));
      }));
  return symbolic(shapes);
}

std::vector<Value> attention_scores(const Call& call) {
  const std::string name = call.node->kind().toQualString();
  if (takes_shape(call, name)) return shape_of_scores(call);
  if (name == "aten::einsum") return einsum(call);
  if (call.node->outputs().size() != 1)
    call.refuse("it has more than one result for scores of attention");
  if ((name == "aten::matmul" || name == "aten::bmm") &&
      (call.args[0].stream() || call.args[1].stream()))
    return add_weighted(call);
  if (name == "aten::dropout" || name == "aten::feature_dropout") return find_rule(name)(call);
  const ScoresPtr* scores = nullptr;
  for (const Value& arg : call.args)
    if (!scores) scores = arg.find<ScoresPtr>();
  if (is_softmax(name)) {
    const int64_t rank = static_cast<int64_t>((*scores)->shape.size());
    if (wrapped_index(call.integer(1), rank) != rank - ((*scores)->is_transposed ? 2 : 1))
      call.refuse("a softmax over the queries needs the whole signal; use a softmax over the keys");
  }
  return {Value(recorded(call, **scores, call.args))};
}

const RuleRows& attention_rules() {
  static const RuleRows rows = {
      {"aten::_native_multi_head_attention", fused},
      {"aten::_scaled_dot_product_attention", whole},
      {"aten::_transformer_encoder_layer_fwd", fused},
      {"aten::baddbmm", product},
      {"aten::bmm", product},
      {"aten::einsum", einsum},
      {"aten::matmul", product},
      {"aten::scaled_dot_product_attention", whole},
  };
  return rows;
}

}  // namespace torchstreamer::graph
