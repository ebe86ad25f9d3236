#include "graph/rules/support/pointwise.h"

#include "graph/lowering/lowering.h"
#include "graph/plan/operation.h"
#include "graph/rules/support/operands.h"
#include "streams/pointwise.h"
#include "support/exceptions.h"

namespace torchstreamer::graph {
namespace {

// Returns a rule for output `index` of the operator over time-major frames.
PointwiseRule time_major(const Operation& operation, const std::vector<Stream>& inputs,
                         size_t index, int axis_out) {
  return [=](const Tensors& frames) {
    Tensors in;
    for (size_t i = 0; i < inputs.size(); ++i) in.push_back(as_in_model(frames[i], inputs[i]));
    return operation(in).at(index).movedim(axis_out, 0);
  };
}

// Adds the processes of an operator that is pointwise in blocks of frames, one for each tensor that
// it returns.
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

}  // namespace torchstreamer::graph
