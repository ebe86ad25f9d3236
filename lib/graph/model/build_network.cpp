#include "graph/model/build_network.h"

#include <ATen/ops/view_as_real.h>
#include <c10/util/StringUtil.h>

#include "graph/model/outputs.h"
#include "graph/plan/formula.h"
#include "streams/pointwise.h"

namespace torchstreamer::graph {
namespace {

// Returns only the processes that the last one depends on.
std::vector<Network::Node> needed(std::vector<Network::Node> nodes) {
  std::vector<int> index(nodes.size(), -1);
  index.back() = 0;
  for (size_t n = nodes.size(); n-- > 0;)
    for (const int i : nodes[n].inputs)
      if (index[n] == 0 && i != Network::kSource) index[i] = 0;
  std::vector<Network::Node> kept;
  for (size_t n = 0; n < nodes.size(); ++n) {
    if (index[n] < 0) continue;
    index[n] = static_cast<int>(kept.size());
    for (int& i : nodes[n].inputs)
      if (i != Network::kSource) i = index[i];
    kept.push_back(std::move(nodes[n]));
  }
  return kept;
}

// Returns the tensor `output` of those that forward() returned; it must be a stream.
Stream chosen_stream(const Returned& returned, int output, int64_t source_frames) {
  const auto tensors = output_tensors(returned.value, source_frames);
  if (output < 0 || output >= static_cast<int>(tensors.size()))
    throw OptionError(c10::str("there is no output ", output, ": forward() returns ",
                               tensors.size(), tensors.size() == 1 ? " tensor" : " tensors",
                               ", counted from 0"));
  if (const Poison* poison = tensors[output].poison()) throw poison->refusal;
  if (const Stream* stream = tensors[output].stream()) return *stream;
  throw refusal(returned.node, "the output of forward() is not computed from the signal");
}

// Gives frames one axis. A complex sample becomes its real part, then its imaginary part.
Tensor flattened_frames(const Tensors& in) {
  const Tensor x = in[0].is_complex() ? at::view_as_real(in[0].resolve_conj()) : in[0];
  return x.reshape({in[0].size(0), -1});
}

int64_t shortest_signal_with_output(const std::vector<Network::Node>& nodes) {
  const Counting counting(nodes);
  const int last = static_cast<int>(nodes.size()) - 1;
  return least_length([&](int64_t n) { return counting.of(last, {n, n, n}).total > 0; });
}

}  // namespace

Stream output_stream(Evaluator& evaluator, const Returned& returned, const LoadOptions& options) {
  const int64_t length = evaluator.lengths().accepted()[0];
  const Stream stream = chosen_stream(returned, options.output, length);
  const auto& shape = stream.shape;
  if (shape.size() > 3 || (shape.size() == 3 && shape[stream.axis == 0 ? 1 : 0] != 1))
    throw refusal(returned.node, c10::str("forward() returns a tensor of the shape ", shape,
                                          ", time as -1; a stream has a batch of 1 and channels"));
  const bool is_refused = options.complex_output == ComplexOutput::kRefused;
  if (at::isComplexType(stream.dtype) && is_refused)
    throw refusal(
        returned.node,
        "the output is complex and audio is real; return torch.view_as_real() of it or its "
        "magnitude, or choose complex-output=channels for its two parts as channels");
  if (evaluator.plan().frames(stream, length) == 0)
    throw refusal(returned.node, "no frames come out");
  return stream;
}

std::shared_ptr<const PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                                    const Stream& output, const ForwardCall& call,
                                                    Execution execution, OfflineRule offline) {
  Plan& plan = evaluator->plan();
  PointwiseOptions flattened{flattened_frames, "output"};
  flattened.computation = Identity{};
  const Stream end = plan.add(nullptr, pointwise_layer(flattened), {output}, output);
  auto nodes = needed({plan.nodes().begin(), plan.nodes().begin() + end.node + 1});
  const int64_t least_frames = shortest_signal_with_output(nodes);
  const auto& guards = evaluator->lengths().guards();
  return std::make_shared<PlannedNetwork>(
      std::move(nodes),
      std::make_shared<Guards>(guards.empty() ? nullptr : evaluator, guards,
                               plan.padding() == Padding::kModel ? std::move(offline) : nullptr,
                               plan.source(), least_frames),
      call, execution);
}

}  // namespace torchstreamer::graph
