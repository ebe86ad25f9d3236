// LSTM, GRU and plain RNN.
#include "streams/recurrent.h"

#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include "graph/rules/families.h"
#include "graph/rules/support/layers.h"
#include "graph/rules/support/training.h"

namespace torchstreamer::graph {
namespace {

// The arguments of LSTM, GRU and RNN.
enum RecurrenceArgument {
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

// Refuses a wrong number of features. The LSTM of libtorch 2 does not check it and would read past
// its weights.
void require_features(const Call& call, const Stream& x) {
  const int64_t features = x.shape.back();
  const int64_t taken = call.constant(kWeights).toTensorVector().front().size(1);
  if (features != taken)
    throw ChannelMismatch(
        refusal(call.node, c10::str("it takes ", taken, " features and is given ", features))
            .what(),
        taken);
}

// Returns the computation of the layers; std::monostate for projections and plain RNNs.
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

// Returns the operator over time-major frames as a rule with a carried state.
RecurrentRule rule_of(const Call& call, int axis) {
  const bool state_is_list = call.constant(kState).isTensorList() || call.constant(kState).isList();
  std::vector<IValue> rest;
  for (size_t i = kWeights; i < call.args.size(); ++i) rest.push_back(call.constant(i));
  return [=, operation = call.node->getOperation()](const Tensor& frames, const Tensors& state) {
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
}

// (input, state, weights, has_biases, layers, dropout, training, bidirectional, batch_first).
std::vector<Value> recurrent(const Call& call) {
  const Stream x = call.stream(kInput);
  if (call.args.size() != 9) call.refuse("packed sequences are not signals");
  if (call.boolean(kBidirectional))
    call.refuse(
        "a bidirectional recurrence needs the end of the signal first; use a "
        "unidirectional one");
  require_no_dropout(call, kTraining, kDropout);
  const int axis = x.shape.size() == 3 && call.boolean(kBatchFirst) ? 1 : 0;
  if (x.axis != axis) call.refuse_shape("the recurrence does not run along the time axis");
  require_features(call, x);

  RecurrentOptions options;
  options.rule = rule_of(call, axis);
  options.initial = initial_state(call);
  options.description = call.node->kind().toUnqualString();
  options.computation = recurrence(call, x, options.initial);
  return with_state_poisoned(call, add_layer(call, recurrent_layer(options), x));
}

}  // namespace

const RuleRows& recurrent_rules() {
  static const RuleRows rows = {
      {"aten::gru", recurrent},
      {"aten::lstm", recurrent},
      {"aten::rnn_relu", recurrent},
      {"aten::rnn_tanh", recurrent},
  };
  return rows;
}

}  // namespace torchstreamer::graph
