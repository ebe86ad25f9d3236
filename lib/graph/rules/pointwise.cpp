#include "streams/pointwise.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>

#include "graph/rules.h"

namespace torchstreamer::graph {
namespace {

// An operator whose streams are replaced by tensors at every call.
class Operation {
 public:
  explicit Operation(const Call& call) : operation_(call.node->getOperation()), args_(call.args) {
    for (const auto* input : call.node->inputs()) types_.push_back(input->type());
  }

  // `in`: the streams among the arguments, in order, with the time axis where the model has it.
  // Returns all tensors that come out, those of lists one by one.
  Tensors operator()(const Tensors& in) const {
    torch::jit::Stack stack;
    size_t next = 0;
    for (size_t i = 0; i < args_.size(); ++i)
      stack.push_back(value_at(args_[i], types_[i], 0, [&](const Stream&) { return in[next++]; }));
    auto operation = operation_;
    operation(stack);
    Tensors out;
    for (const IValue& value : stack) {
      if (value.isTensor())
        out.push_back(value.toTensor());
      else
        for (const Tensor& item : value.toTensorVector()) out.push_back(item);
    }
    return out;
  }

 private:
  torch::jit::Operation operation_;
  std::vector<Value> args_;
  std::vector<c10::TypePtr> types_;
};

void collect(const Value& value, std::vector<Stream>& streams) {
  if (const Stream* s = value.stream()) streams.push_back(*s);
  if (const ListPtr* list = value.list())
    for (const Value& item : **list) collect(item, streams);
}

// Sizes that grow with the signal become -1: "what is left" for view(), "as it is" for expand().
Value without_lengths(const Call& call, const Value& value) {
  if (value.symbol()) call.refuse("an operand depends on the length of the signal");
  const ListPtr* list = value.list();
  if (!list) return value;
  auto items = std::make_shared<std::vector<Value>>();
  for (const Value& item : **list) {
    const bool is_length =
        item.symbol() && (*item.symbol())->at(Planner::sampled_lengths()[0]).isInt();
    items->push_back(is_length ? Value(IValue(int64_t{-1})) : without_lengths(call, item));
  }
  return Value(items);
}

// What the operator makes of `frames` frames of every stream.
Tensors probe(const Call& call, const Operation& operation, const std::vector<Stream>& inputs,
              int64_t frames) {
  Tensors in;
  for (const Stream& s : inputs) {
    auto shape = s.shape;
    shape[s.axis] = frames;
    in.push_back(
        at::zeros(shape, at::TensorOptions(s.dtype).device(call.planner.format(s).device)));
  }
  return operation(in);
}

struct Output {
  Stream stream;
  int64_t rate = 1;  // frames for each input frame
};

// The axis that grows with the frames of the input, and how fast, from what 5 and 12 frames gave.
Output probed_output(const Call& call, const Stream& like, const Tensor& five,
                     const Tensor& twelve) {
  Output out{like, 1};
  out.stream.axis = -1;
  out.stream.shape = five.sizes().vec();
  out.stream.dtype = five.scalar_type();
  for (int d = 0; d < five.dim() && five.dim() == twelve.dim(); ++d)
    if (five.size(d) != twelve.size(d)) {
      if (out.stream.axis >= 0 || five.size(d) % 5 != 0 || five.size(d) / 5 * 12 != twelve.size(d))
        call.refuse("it does not keep the time axis");
      out.stream.axis = d;
      out.rate = five.size(d) / 5;
    }
  if (out.stream.axis < 0)
    call.refuse("its output has no time axis: it needs the whole signal at once");
  out.stream.shape[out.stream.axis] = -1;
  out.stream.shift = like.shift * Rational(out.rate);
  return out;
}

// Output `index` of the operator over time-major frames.
PointwiseRule time_major(const Operation& operation, const std::vector<Stream>& inputs,
                         size_t index, int axis_out) {
  return [=](const Tensors& frames) {
    Tensors in;
    for (size_t i = 0; i < inputs.size(); ++i) in.push_back(frames[i].movedim(0, inputs[i].axis));
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
    s = trimmed(call, s, ahead.num, fixed(0));
    s.shift = latest;
  }
}

void require_equal_lengths(const Call& call, const std::vector<Stream>& inputs) {
  const auto frames = call.planner.sampled_frames(inputs[0]);
  for (const Stream& s : inputs) {
    const auto others = call.planner.sampled_frames(s);
    // Without padding the ends differ: the sum ends with the shorter operand.
    for (size_t i = 0; i < frames.size(); ++i)
      if (call.planner.padding() == Padding::kValid ? others[i] - frames[i] != others[0] - frames[0]
                                                    : others[i] != frames[i])
        call.refuse(c10::str("its operands differ in length (", frames[i], " and ", others[i],
                             " frames for a signal of ", Planner::sampled_lengths()[i], ")"));
    if (call.planner.padding() == Padding::kModel && s.node != inputs[0].node)
      call.planner.guard([planner = &call.planner, a = inputs[0], b = s](int64_t n) {
        return planner->frames(a, n) == planner->frames(b, n);
      });
  }
}

}  // namespace

std::vector<Value> pointwise(const Call& original) {
  Call call = original;
  for (Value& arg : call.args) arg = without_lengths(call, arg);
  std::vector<Stream> inputs;
  for (const Value& arg : call.args) collect(arg, inputs);
  if (inputs.size() > 1) {
    align(call, inputs);
    require_equal_lengths(call, inputs);
  }
  std::vector<Format> formats;
  for (const Stream& s : inputs) formats.push_back(call.planner.format(s));
  try {
    const Operation operation(call);
    const Tensors five = probe(call, operation, inputs, 5);
    const Tensors twelve = probe(call, operation, inputs, 12);
    if (five.size() != twelve.size()) call.refuse("it cuts the signal into pieces");
    std::vector<Value> streams;
    for (size_t i = 0; i < five.size(); ++i) {
      const Output out = probed_output(call, inputs[0], five[i], twelve[i]);
      const PointwiseRule rule = time_major(operation, inputs, i, out.stream.axis);
      prove_pointwise(rule, formats, out.rate);
      streams.push_back(call.planner.add(
          call.node, pointwise_layer(rule, call.node->kind().toUnqualString(), out.rate), inputs,
          out.stream));
    }
    if (call.node->outputs().size() == streams.size()) return streams;
    return {Value(std::make_shared<std::vector<Value>>(std::move(streams)))};
  } catch (const Refusal&) {
    throw;
  } catch (const std::exception& e) {
    call.refuse(message_of(e));
  }
}

std::vector<Value> unknown(const Call& call) {
  try {
    return pointwise(call);
  } catch (const Refusal& e) {
    call.refuse("this operator has no streaming rule, and " + e.reason());
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
