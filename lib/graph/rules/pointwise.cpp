#include "streams/pointwise.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>

#include "graph/rules.h"

namespace torchstreamer::graph {
namespace {

// Runs the node's operator with the streams among its arguments replaced by `in`: tensors with the
// time axis where the model has it.
Tensor run(torch::jit::Operation operation, const std::vector<Value>& args, const Tensors& in) {
  torch::jit::Stack stack;
  size_t next = 0;
  for (const Value& arg : args) {
    if (arg.stream())
      stack.emplace_back(in[next++]);
    else
      stack.push_back(*arg.constant());
  }
  operation(stack);
  return stack.front().toTensor();
}

// The same over time-major frames.
PointwiseRule time_major(const Call& call, const std::vector<Stream>& inputs, int axis_out) {
  const auto operation = call.node->getOperation();
  return [operation, args = call.args, inputs, axis_out](const Tensors& frames) {
    Tensors in;
    for (size_t i = 0; i < inputs.size(); ++i) in.push_back(frames[i].movedim(0, inputs[i].axis));
    return run(operation, args, in).movedim(axis_out, 0);
  };
}

// What the operator makes of `frames` random frames.
Tensor probe(const Call& call, const std::vector<Stream>& inputs, int64_t frames) {
  Tensors in;
  for (const Stream& s : inputs) {
    auto shape = s.shape;
    shape[s.axis] = frames;
    in.push_back(
        at::zeros(shape, at::TensorOptions(s.dtype).device(call.planner.format(s).device)));
  }
  return run(call.node->getOperation(), call.args, in);
}

// The axis of the output that grows with the frames of the input.
Stream probed_output(const Call& call, const std::vector<Stream>& inputs) {
  const Tensor a = probe(call, inputs, 5), b = probe(call, inputs, 12);
  Stream out = inputs[0];
  out.axis = -1;
  out.shape = a.sizes().vec();
  out.dtype = a.scalar_type();
  for (int d = 0; d < a.dim() && a.dim() == b.dim(); ++d)
    if (a.size(d) != b.size(d)) {
      if (out.axis >= 0 || a.size(d) != 5 || b.size(d) != 12)
        call.refuse("it does not keep the time axis");
      out.axis = d;
    }
  if (out.axis < 0) call.refuse("its output has no time axis");
  out.shape[out.axis] = -1;
  return out;
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
  }
}

}  // namespace

std::vector<Value> pointwise(const Call& call) {
  std::vector<Stream> inputs;
  for (const Value& arg : call.args) {
    if (const Stream* s = arg.stream())
      inputs.push_back(*s);
    else if (!arg.is_constant())
      call.refuse("an operand depends on the length of the signal");
  }
  if (inputs.size() > 1) {
    align(call, inputs);
    require_equal_lengths(call, inputs);
  }
  try {
    const Stream out = probed_output(call, inputs);
    const PointwiseRule rule = time_major(call, inputs, out.axis);
    std::vector<Format> formats;
    for (const Stream& s : inputs) formats.push_back(call.planner.format(s));
    prove_pointwise(rule, formats);
    return {call.planner.add(call.node, pointwise_layer(rule, call.node->kind().toUnqualString()),
                             inputs, out)};
  } catch (const Refusal&) {
    throw;
  } catch (const c10::Error& e) {
    call.refuse(e.what_without_backtrace());
  } catch (const Error& e) {
    call.refuse(e.what());
  }
}

// (input, weight, bias, running_mean, running_var, training, ...).
std::vector<Value> batch_norm(const Call& call) {
  if (call.boolean(5))
    call.refuse("BatchNorm in training mode averages over time; call eval() before scripting");
  return pointwise(call);
}

// (input, p, train).
std::vector<Value> dropout(const Call& call) {
  if (call.boolean(2) && call.constant(1).toDouble() > 0)
    call.refuse("dropout in training mode is random; call eval() before scripting");
  return {call.args[0]};
}

}  // namespace torchstreamer::graph
