#include "streams/pointwise.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "graph/lowering/lowering.h"
#include "graph/plan/operation.h"
#include "graph/rules/rules.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

// The sizes that view() and its like are given, for one length of the signal, with what is left for
// -1; none where the frames do not fill them.
std::optional<std::vector<int64_t>> sizes_at(const Call& call, const Stream& x,
                                             int64_t source_frames) {
  const IValue given = value_at(call.args[1], call.node->input(1)->type(), source_frames, nullptr);
  auto sizes = given.toIntVector();
  int64_t all = call.plan.frames(x, source_frames), known = 1;
  for (const int64_t n : x.shape) all *= n < 0 ? 1 : n;
  for (const int64_t n : sizes) known *= n < 0 ? 1 : n;
  const bool has_rest = std::count(sizes.begin(), sizes.end(), -1) > 0;
  if (known == 0 || (has_rest ? all % known != 0 : all != known)) return std::nullopt;
  std::replace(sizes.begin(), sizes.end(), int64_t{-1}, all / known);
  return sizes;
}

// The sizes for two lengths of the signal that give different numbers of frames.
std::pair<std::vector<int64_t>, std::vector<int64_t>> sizes_at_two(const Call& call,
                                                                   const Stream& x) {
  std::optional<std::vector<int64_t>> first;
  int64_t first_frames = 0;
  for (const int64_t n : call.lengths.accepted()) {
    const int64_t frames = call.plan.frames(x, n);
    if (first && frames == first_frames) continue;
    const auto sizes = sizes_at(call, x, n);
    if (sizes && first) return {*first, *sizes};
    if (sizes) std::tie(first, first_frames) = std::pair(sizes, frames);
  }
  call.refuse(
      "its sizes fit to one length of the signal only; a traced model keeps the length that "
      "it was traced with: script it instead");
}

// view(), reshape(): the size that grows with the signal becomes -1, "what is left". A frame of the
// output may need several of the input: returns that number, the block.
int64_t resolve_sizes(Call& call, const Stream& x) {
  auto [sizes, longer_sizes] = sizes_at_two(call, x);
  int64_t growing = 0, frame_out = 1, frame_in = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == longer_sizes.at(d)) {
      frame_out *= sizes[d];
    } else {
      sizes[d] = -1;
      ++growing;
    }
  }
  if (growing != 1) call.refuse("it does not keep the time axis");
  for (const int64_t n : x.shape) frame_in *= n < 0 ? 1 : n;
  call.args[1] = Value(IValue(sizes));
  const int64_t block = frame_out / std::gcd(frame_in, frame_out);
  if (block > 1)
    call.lengths.require(
        [plan = &call.plan, x, block](int64_t n) { return plan->frames(x, n) % block == 0; },
        call.node, c10::str("its input is no whole number of blocks of ", block, " frames"));
  return block;
}

bool has_sizes(const Call& call) {
  static const std::set<std::string> names = {"aten::view", "aten::reshape", "aten::_unsafe_view"};
  return names.count(call.node->kind().toQualString()) > 0 &&
         call.node->input(1)->type()->isSubtypeOf(*c10::ListType::ofInts());
}

// Lengths among the sizes of expand() become -1, "as it is". Tensors that grow with the signal
// become streams beside `like`.
Value without_lengths(const Call& call, const Value& value, const Stream& like) {
  if (const SymbolPtr* symbol = value.symbol()) return call.as_stream(*symbol, like);
  const ListPtr* list = value.list();
  if (!list) return value;
  auto items = std::make_shared<std::vector<Value>>();
  for (const Value& item : **list) {
    const bool is_length = item.symbol() && (*item.symbol())->at(sampled_lengths()[0]).isInt();
    items->push_back(is_length ? Value(IValue(int64_t{-1})) : without_lengths(call, item, like));
  }
  return Value(items);
}

// Output `index` of the operator over time-major frames.
PointwiseRule time_major(const Operation& operation, const std::vector<Stream>& inputs,
                         size_t index, int axis_out) {
  return [=](const Tensors& frames) {
    Tensors in;
    for (size_t i = 0; i < inputs.size(); ++i) in.push_back(as_in_model(frames[i], inputs[i]));
    return operation(in).at(index).movedim(axis_out, 0);
  };
}

// With Padding::kValid the operands of a join start at different frames of the padded model: the
// earlier ones wait for the latest.
void align(const Call& call, std::vector<Stream>& inputs) {
  Rational latest = inputs[0].shift;
  for (const Stream& s : inputs) latest = std::max(latest, s.shift);
  for (Stream& s : inputs) {
    const Rational ahead = latest - s.shift;
    if (ahead.den != 1) call.refuse("without padding its operands lie a fraction of a frame apart");
    s = trimmed(call, s, ahead.num, 0);
    s.shift = latest;
  }
}

// Operands of different length are an error offline, too.
void require_equal_lengths(const Call& call, const std::vector<Stream>& inputs) {
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].node == inputs[0].node) continue;
    auto difference = [plan = &call.plan, a = inputs[0], b = inputs[i]](int64_t n) {
      return plan->frames(b, n) - plan->frames(a, n);
    };
    if (call.plan.padding() == Padding::kModel) {
      call.lengths.require([=](int64_t n) { return difference(n) == 0; }, call.node,
                           "its operands differ in length");
      continue;
    }
    // Without padding the ends differ: the sum ends with the shorter operand.
    const int64_t first = difference(sampled_lengths()[0]);
    for (const int64_t n : sampled_lengths())
      if (difference(n) != first) call.refuse("without padding its operands drift apart in length");
  }
}

}  // namespace

ResolvedOperands resolve_operands(Call& call) {
  const bool is_view = has_sizes(call) && call.args[0].stream();
  const int64_t block = is_view ? resolve_sizes(call, call.stream(0)) : 1;
  const Stream like = streams_of(call).at(0);
  for (Value& arg : call.args) arg = without_lengths(call, arg, like);
  std::vector<Stream> inputs = streams_of(call);
  if (inputs.size() > 1) {
    align(call, inputs);
    require_equal_lengths(call, inputs);
  }
  return {std::move(inputs), block};
}

namespace {

// The processes of an operator that is pointwise in blocks of frames, one for each tensor that it
// returns.
std::vector<Value> prove_and_add(const Call& call, const std::vector<Stream>& inputs,
                                 int64_t block) {
  std::vector<Format> formats;
  for (const Stream& s : inputs) formats.push_back(call.plan.format(s));
  const Operation operation(call);
  const auto outputs = probed_outputs(call, operation, inputs, block);
  std::vector<Value> streams;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [stream, rate] = outputs[i];
    const PointwiseRule rule = time_major(operation, inputs, i, stream.axis);
    prove_pointwise(rule, formats, rate, block);
    PointwiseOptions options{rule, call.node->kind().toUnqualString(), block, rate};
    options.computation = computation_of(call, {inputs, formats, rule, stream, rate, block});
    streams.push_back(call.plan.add(call.node, pointwise_layer(options), inputs, stream));
  }
  return streams;
}

}  // namespace

std::vector<Value> pointwise(const Call& original) {
  Call call = original;
  try {
    const ResolvedOperands operands = resolve_operands(call);
    auto streams = prove_and_add(call, operands.inputs, operands.block);
    const bool is_list = call.node->output(0)->type()->cast<c10::ListType>() != nullptr;
    if (!is_list) return streams;
    return {Value(std::make_shared<std::vector<Value>>(std::move(streams)))};
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& e) {
    call.refuse(reason_of(e));
  }
}

namespace {

// What to do about operators that are well known to look at the whole signal.
std::string advice(const Call& call) {
  static const std::map<std::string, const char*> advice = {
      {"group_norm",
       "GroupNorm takes its mean over the whole signal: export the model with "
       "cumulative normalisation, or with BatchNorm in eval mode"},
      {"instance_norm",
       "InstanceNorm takes its mean over the whole signal: export the model with "
       "cumulative normalisation, or with BatchNorm in eval mode"},
      {"layer_norm", "LayerNorm streams over channels: transpose time away from its axes"},
      {"softmax", "softmax streams over channels, or over the window of an attention"},
      {"mean", "average over a window instead: avg_pool1d, or a cumulative mean"},
      {"std", "normalise cumulatively, or over a window"},
      {"var", "normalise cumulatively, or over a window"},
      {"max", "take the maximum of a window instead: max_pool1d, or cummax"},
      {"amax", "take the maximum of a window instead: max_pool1d, or cummax"},
      {"adaptive_avg_pool1d", "adaptive pools divide the whole signal: use avg_pool1d"},
      {"adaptive_max_pool1d", "adaptive pools divide the whole signal: use max_pool1d"}};
  const auto known = advice.find(call.node->kind().toUnqualString());
  return known == advice.end() ? "" : std::string("; ") + known->second;
}

}  // namespace

std::vector<Value> unknown(const Call& call) {
  try {
    return pointwise(call);
  } catch (const Refusal& e) {
    call.refuse("this operator has no streaming rule, and " + e.reason() + advice(call));
  }
}

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

// Copies and layouts: streams have none.
std::vector<Value> identity(const Call& call) { return {call.args[0]}; }

// (input, p, train).
std::vector<Value> dropout(const Call& call) {
  if (call.boolean(2) && call.constant(1).toDouble() > 0)
    call.refuse("dropout in training mode is random; call eval() before scripting");
  return {call.args[0]};
}

}  // namespace torchstreamer::graph
