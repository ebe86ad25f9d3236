#include "graph/model/build_network.h"

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

// Returns the stream of the selected output. Refuses an output that is not a stream.
Stream output_stream(Evaluator& evaluator, const Returned& returned, int output) {
  const int64_t length = evaluator.lengths().accepted()[0];
  const auto tensors = output_tensors(returned.value, length);
  if (output < 0 || output >= static_cast<int>(tensors.size()))
    throw OptionError(c10::str("there is no output ", output, ": forward() returns ",
                               tensors.size(), tensors.size() == 1 ? " tensor" : " tensors",
                               ", counted from 0"));
  if (const Poison* poison = tensors[output].poison()) throw poison->refusal;
  const Stream* stream = tensors[output].stream();
  if (!stream)
    throw refusal(returned.node, "the output of forward() is not computed from the signal");
  const auto& shape = stream->shape;
  if (stream->axis != static_cast<int>(shape.size()) - 1 || shape.size() > 3 ||
      (shape.size() == 3 && shape[0] != 1))
    throw refusal(returned.node, "forward() does not return [B, C, T], [C, T] or [T]");
  if (evaluator.plan().frames(*stream, length) == 0)
    throw refusal(returned.node, "no frames come out");
  return *stream;
}

int64_t shortest_signal_with_output(const std::vector<Network::Node>& nodes) {
  const Counting counting(nodes);
  const int last = static_cast<int>(nodes.size()) - 1;
  return least_length([&](int64_t n) { return counting.of(last, {n, n, n}).total > 0; });
}

}  // namespace

std::shared_ptr<const PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                                    const Returned& returned, int output,
                                                    Execution execution, OfflineRule offline) {
  Plan& plan = evaluator->plan();
  const Stream stream = output_stream(*evaluator, returned, output);
  auto flatten = [](const Tensors& in) { return in[0].reshape({in[0].size(0), -1}); };
  PointwiseOptions flattened{flatten, "output"};
  flattened.computation = Identity{};
  const Stream end = plan.add(nullptr, pointwise_layer(flattened), {stream}, stream);
  auto nodes = needed({plan.nodes().begin(), plan.nodes().begin() + end.node + 1});
  const int64_t least_frames = shortest_signal_with_output(nodes);
  const auto& guards = evaluator->lengths().guards();
  return std::make_shared<PlannedNetwork>(
      std::move(nodes),
      std::make_shared<Guards>(guards.empty() ? nullptr : evaluator, guards,
                               plan.padding() == Padding::kModel ? std::move(offline) : nullptr,
                               plan.source(), least_frames),
      execution);
}

}  // namespace torchstreamer::graph
