#include "streams/recurrent.h"

#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <cmath>
#include <limits>

#include "graph/rules/rules.h"

namespace torchstreamer::graph {
namespace {

// The arguments behind the initial state are the same for LSTM, GRU and RNN.
enum Argument {
  kInput,
  kState,
  kWeights,
  kBiases,
  kLayers,
  kDropout,
  kTraining,
  kBidirectional,
  kBatchFirst
};

std::vector<Value> with_state_poisoned(const Call& call, Stream y) {
  std::vector<Value> results = {y};
  while (results.size() < call.node->outputs().size())
    results.emplace_back(Poison{refusal(
        call.node, "the final state of a recurrence is known only at the end of the signal")});
  return results;
}

Tensors initial_state(const Call& call) {
  const IValue state = call.constant(kState);
  return state.isTensor() ? Tensors{state.toTensor()} : state.toTensorVector();
}

// The shape of the output: that of the input, but for the features.
Stream like_output(const Stream& x, const Tensor& y, int axis) {
  Stream out = x;
  out.shape = y.sizes().vec();
  out.shape[axis] = -1;
  return out;
}

}  // namespace

// Checked here because the LSTM of libtorch 2 is not: it reads any weights as if they fitted.
void require_features(const Call& call, const Stream& x) {
  const int64_t features = x.shape.back();
  const int64_t taken = call.constant(kWeights).toTensorVector().front().size(1);
  if (features != taken)
    throw ChannelMismatch(
        refusal(call.node, c10::str("it takes ", taken, " features and is given ", features))
            .what(),
        taken);
}

// What the layers compute; none for projections and for plain RNNs.
Computation recurrence(const Call& call, const Stream& x, const Tensors& initial) {
  const std::string name = call.node->kind().toUnqualString();
  const Tensors weights = call.constant(kWeights).toTensorVector();
  const size_t layers = call.integer(kLayers), each = call.boolean(kBiases) ? 4 : 2;
  const Format in = call.plan.format(x);
  if ((name != "lstm" && name != "gru") || weights.size() != layers * each || in.batch() != 1)
    return {};
  Recurrence r;
  r.is_lstm = name == "lstm";
  for (size_t i = 0; i < layers * each; i += each)
    r.layers.push_back({weights[i], weights[i + 1], each == 4 ? weights[i + 2] : Tensor(),
                        each == 4 ? weights[i + 3] : Tensor()});
  r.initial_h = initial[0];
  if (r.is_lstm) r.initial_c = initial.at(1);
  return r;
}

// (input, state, weights, has_biases, layers, dropout, training, bidirectional, batch_first).
std::vector<Value> recurrent_net(const Call& call) {
  const Stream x = call.stream(kInput);
  if (call.args.size() != 9) call.refuse("packed sequences are not signals");
  if (call.boolean(kBidirectional))
    call.refuse(
        "a bidirectional recurrence begins with the end of the signal; use a "
        "unidirectional one");
  if (call.boolean(kTraining) && call.constant(kDropout).toDouble() > 0)
    call.refuse("dropout in training mode is random; call eval() before scripting");
  const int axis = x.shape.size() == 3 && call.boolean(kBatchFirst) ? 1 : 0;
  if (x.axis != axis) call.refuse("the recurrence does not run along the time axis");
  require_features(call, x);

  const bool state_is_list = call.constant(kState).isTensorList() || call.constant(kState).isList();
  std::vector<IValue> rest;
  for (size_t i = kWeights; i < call.args.size(); ++i) rest.push_back(call.constant(i));
  auto operation = call.node->getOperation();
  auto rule = [=](const Tensor& frames, const Tensors& state) {
    torch::jit::Stack stack;
    stack.emplace_back(frames.movedim(0, axis));
    if (state_is_list)
      stack.emplace_back(state);
    else
      stack.emplace_back(state.front());
    stack.insert(stack.end(), rest.begin(), rest.end());
    auto run = operation;
    run(stack);
    Tensors carried;
    for (size_t i = 1; i < stack.size(); ++i) carried.push_back(stack[i].toTensor());
    return std::make_pair(stack.front().toTensor().movedim(axis, 0), carried);
  };

  const Tensors initial = initial_state(call);
  const Tensor y = rule(call.plan.format(x).zeros(2), initial).first.movedim(0, axis);
  RecurrentOptions options{rule, initial, call.node->kind().toUnqualString()};
  options.computation = recurrence(call, x, initial);
  return with_state_poisoned(
      call, call.plan.add(call.node, recurrent_layer(options), {x}, like_output(x, y, axis)));
}

namespace {

// torch accumulates float32 in float64 (acc_type of aten/src/ATen/AccumulateType.h, on a CPU).
at::ScalarType accumulated(at::ScalarType type) {
  if (type == at::kFloat || type == at::kHalf || type == at::kBFloat16) return at::kDouble;
  return type == at::kComplexFloat ? at::kComplexDouble : type;
}

struct Scan {
  torch::jit::Operation operation;
  std::vector<IValue> rest;  // the arguments behind the dimension
  at::ScalarType type;       // of the result

  // The results along axis 0: values, and for cummax and cummin where they stood.
  Tensors operator()(const Tensor& frames) const {
    torch::jit::Stack stack = {frames, int64_t{0}};
    stack.insert(stack.end(), rest.begin(), rest.end());
    auto run = operation;
    run(stack);
    Tensors results;
    for (const IValue& value : stack) results.push_back(value.toTensor());
    return results;
  }
};

// All operators of this family are associative: what came before stands in front of the new frames
// as one more frame, which is the carried state. In the beginning that is what changes nothing.
Tensor with_state(const Tensor& frames, const Tensors& state) {
  return at::cat({state[0], frames});
}

// `name`: cumsum, cumprod, cummax, cummin or logcumsumexp.
Tensor neutral_frame(const std::string& name, const Format& format) {
  const auto shape = format.shape(1);
  const auto options = format.options();
  if (name == "cumsum" || name == "cumprod")
    return at::full(shape, name == "cumsum" ? 0 : 1, options);
  const bool is_least = name == "cummin";
  if (at::isFloatingType(format.dtype))
    return at::full(shape, is_least ? INFINITY : -INFINITY, options);
  return AT_DISPATCH_INTEGRAL_TYPES_AND(at::kBool, format.dtype, "neutral_frame", [&] {
    using Limits = std::numeric_limits<scalar_t>;
    return at::full(shape, is_least ? Limits::max() : Limits::lowest(), options);
  });
}

Tensor last_frame(const Tensor& frames) { return frames.narrow(0, frames.size(0) - 1, 1).clone(); }

RecurrentRule values_rule(const Scan& scan) {
  return [scan](const Tensor& x, const Tensors& state) {
    const Tensor all = scan(with_state(x.to(accumulated(scan.type)), state))[0];
    return std::make_pair(all.narrow(0, all.size(0) - x.size(0), x.size(0)).to(scan.type),
                          Tensors{last_frame(all)});
  };
}

// The state: the last value, where it stood, and how many frames there were.
RecurrentRule places_rule(const Scan& scan) {
  return [scan](const Tensor& x, const Tensors& state) {
    const Tensors all = scan(with_state(x, state));
    const Tensor& seen = state[2];
    const Tensor found = all[1].narrow(0, 1, x.size(0));
    const Tensor places = state[1].where(found.eq(0), found + (seen - 1));
    return std::make_pair(places,
                          Tensors{last_frame(all[0]), last_frame(places), seen + x.size(0)});
  };
}

}  // namespace

// (self, dim), for sums and products (self, dim, dtype).
std::vector<Value> cumulative(const Call& call) {
  const Stream x = call.stream(0);
  const int64_t dim = call.integer(1), rank = static_cast<int64_t>(x.shape.size());
  if ((dim < 0 ? dim + rank : dim) != x.axis) return pointwise(call);
  Scan scan{call.node->getOperation(), {}, x.dtype};
  const std::string name = call.node->kind().toUnqualString();
  const bool has_dtype = call.args.size() > 2;
  if (has_dtype) {
    const IValue dtype = call.constant(2);
    if (!dtype.isNone())
      scan.type = static_cast<at::ScalarType>(dtype.toInt());
    else if (at::isIntegralType(x.dtype, /*includeBool=*/true))
      scan.type = at::kLong;
    scan.rest.emplace_back();
  }
  Stream values = x, places = x;
  values.dtype = scan.type;
  places.dtype = at::kLong;
  Format format = call.plan.format(x);
  format.dtype = accumulated(scan.type);
  RecurrentOptions options{values_rule(scan), {neutral_frame(name, format)}, name};
  options.may_be_empty = true;
  if (name == "cumsum" && x.dtype == at::kFloat && scan.type == at::kFloat)
    options.computation = CumulativeSum{};
  std::vector<Value> results = {call.plan.add(call.node, recurrent_layer(options), {x}, values)};
  if (call.node->outputs().size() > 1) {
    format.dtype = x.dtype;
    const Tensor value = neutral_frame(name, format);
    const Tensor place = at::zeros_like(value, at::kLong);
    const Tensor seen = at::zeros({}, place.options());
    options = {places_rule(scan), {value, place, seen}, name + " places"};
    options.may_be_empty = true;
    results.emplace_back(call.plan.add(call.node, recurrent_layer(options), {x}, places));
  }
  return results;
}

}  // namespace torchstreamer::graph
