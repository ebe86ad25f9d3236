#include "graph/rules/support/pointwise.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/lowering/lowering.h"
#include "graph/plan/operation.h"
#include "graph/plan/traced.h"
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

// Refuses a constant with several frames along the time axis, which fits only one length.
void require_no_fixed_length(const Call& call) {
  for (const Stream& stream : streams_of(call))
    for (const Value& arg : call.args) {
      if (!arg.is_constant() || !arg.constant()->isTensor()) continue;
      const Tensor& constant = arg.constant()->toTensor();
      const int64_t axis = constant.dim() - static_cast<int64_t>(stream.shape.size()) + stream.axis;
      if (axis >= 0 && constant.size(axis) > 1)
        call.refuse(c10::str("an operand has ", constant.size(axis), " frames for every signal; ",
                             length_advice(call.node)));
    }
}

// Refuses a list of sizes that contains a length of the signal.
void require_no_length_in_lists(const Call& call) {
  const auto is_length = [](const Value& item) { return item.symbol() != nullptr; };
  for (size_t i = 0; i < call.args.size(); ++i)
    if (const ListPtr* list = call.args[i].list())
      if (std::any_of((*list)->begin(), (*list)->end(), is_length))
        call.refuse("its argument '" + call.node->schema().arguments().at(i).name() +
                    "' depends on the length of the signal");
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
  } catch (const Error& e) {
    call.refuse(e.what());
  } catch (const std::exception& e) {
    const std::string reason = reason_of(e);
    // libtorch's text about operands that do not broadcast.
    if (reason.find("at non-singleton dimension") != reason.npos) require_no_fixed_length(call);
    require_no_length_in_lists(original);
    call.refuse_shape(reason);
  }
}

}  // namespace torchstreamer::graph
