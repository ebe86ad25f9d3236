#include "graph/plan/operation.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include "graph/plan/call.h"
#include "network/floats.h"

namespace torchstreamer::graph {

namespace {

// Views of a memory layout: they fail for time-major frames, whose layout is different.
bool depends_on_layout(const torch::jit::Node* node) {
  const std::string name = node->kind().toQualString();
  return name == "aten::view" || name == "aten::view_as_complex";
}

}  // namespace

Operation::Operation(const Call& call)
    : operation_(call.node->getOperation()),
      needs_contiguous_(depends_on_layout(call.node)),
      args_(call.args) {
  for (const auto* input : call.node->inputs()) types_.push_back(input->type());
}

Tensors Operation::operator()(const Tensors& in) const {
  torch::jit::Stack stack;
  size_t next = 0;
  auto tensor_of = [&](const Stream&) {
    return needs_contiguous_ ? packed(in[next++]) : in[next++];
  };
  for (size_t i = 0; i < args_.size(); ++i)
    stack.push_back(value_at(args_[i], types_[i], 0, tensor_of));
  operation_(stack);
  Tensors out;
  for (const IValue& value : stack) {
    if (value.isTensor())
      out.push_back(value.toTensor());
    else
      for (const Tensor& item : value.toTensorVector()) out.push_back(item);
  }
  return out;
}

void collect_streams(const Value& value, std::vector<Stream>& streams) {
  if (const Stream* s = value.stream()) streams.push_back(*s);
  if (const ListPtr* list = value.list())
    for (const Value& item : **list) collect_streams(item, streams);
}

std::vector<Stream> streams_of(const Call& call) {
  std::vector<Stream> streams;
  for (const Value& arg : call.args) collect_streams(arg, streams);
  return streams;
}

namespace {

// Calls the operator with `frames` frames of silence of each stream.
Tensors probe(const Call& call, const Operation& operation, const std::vector<Stream>& inputs,
              int64_t frames) {
  Tensors in;
  for (const Stream& s : inputs) {
    auto shape = s.shape;
    shape[s.axis] = frames;
    in.push_back(at::zeros(shape, call.plan.format(s).options()));
  }
  return operation(in);
}

Output probed_output(const Call& call, const Stream& like, const Tensor& five, const Tensor& twelve,
                     int64_t block) {
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
  constexpr int64_t kMostSamples = 1 << 20;
  if (five.numel() / (5 * block) > kMostSamples)
    call.refuse(c10::str("its output has ", five.numel() / (5 * block),
                         " samples for each frame; at most ", kMostSamples, " are supported"));
  if (out.stream.axis < 0)
    call.refuse("its output has no time axis: it needs the whole signal at once");
  out.stream.shape[out.stream.axis] = -1;
  out.stream.shift = like.shift * Rational(out.rate, block);
  return out;
}

}  // namespace

std::vector<Output> probed_outputs(const Call& call, const Operation& operation,
                                   const std::vector<Stream>& inputs, int64_t block) {
  const Tensors five = probe(call, operation, inputs, 5 * block);
  const Tensors twelve = probe(call, operation, inputs, 12 * block);
  if (five.size() != twelve.size()) call.refuse("it cuts the signal into pieces");
  std::vector<Output> outputs;
  for (size_t i = 0; i < five.size(); ++i)
    outputs.push_back(probed_output(call, inputs[0], five[i], twelve[i], block));
  return outputs;
}

}  // namespace torchstreamer::graph
