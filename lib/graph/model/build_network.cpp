#include "graph/model/build_network.h"

#include <ATen/ops/view_as_real.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>
#include <utility>

#include "graph/model/outputs.h"
#include "graph/plan/formula.h"
#include "graph/script/visit_nodes.h"
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

// Returns the output that the options choose; it must be a stream.
ChosenOutput output_of(const Returned& returned, const LoadOptions& options,
                       int64_t source_frames) {
  const auto outputs = named_outputs(returned.value, returned.type, source_frames);
  std::vector<std::string> names;
  for (const auto& [name, value] : outputs) names.push_back(name);
  std::copy_n(options.output_names.begin(), std::min(names.size(), options.output_names.size()),
              names.begin());
  const int index = output_index(options.output, names);
  const Value& value = outputs[index].second;
  if (const Poison* poison = value.poison()) throw poison->refusal;
  if (const Stream* stream = value.stream()) return {index, *stream};
  throw refusal(returned.node, "the output of the model is not computed from the signal");
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

// Adds guards for the outputs that are not used: the model may fail for a signal that is too short
// for a frame of them.
void guard_other_outputs(Evaluator& evaluator, const Returned& returned, const Stream& output) {
  Lengths& lengths = evaluator.lengths();
  const int64_t long_frames = lengths.accepted()[0];
  for (const auto& [name, value] : named_outputs(returned.value, returned.type, long_frames)) {
    const Stream* other = value.stream();
    if (!other || other->node == output.node) continue;
    const auto has_frames = [&](int64_t n) { return evaluator.plan().frames(*other, n) > 0; };
    const int64_t least_frames = has_frames(long_frames) ? least_length(has_frames) : 1;
    if (least_frames > 1)
      lengths.guard([least_frames](int64_t n) { return n >= least_frames; }, returned.node, {},
                    "it is too short for a frame of another output");
  }
}

// Returns the integers in a graph between `shortest` and 2^40.
std::set<int64_t> integers_in(const torch::jit::Graph& graph, int64_t shortest) {
  constexpr int64_t kLongest = int64_t{1} << 40;
  std::set<int64_t> integers;
  visit_nodes(graph.block(), [&](const torch::jit::Node* node) {
    if (node->kind() != torch::jit::prim::Constant) return;
    const auto value = torch::jit::toIValue(node->output());
    if (value && value->isInt() && value->toInt() > shortest && value->toInt() < kLongest)
      integers.insert(value->toInt());
  });
  return integers;
}

// Returns the frames of the signal for each frame of the processes of a plan, without duplicates.
std::set<int64_t> frames_per_frame(const Plan& plan) {
  constexpr int64_t kLong = int64_t{1} << 24;
  std::set<int64_t> ratios = {1};
  for (size_t n = 0; n < plan.nodes().size(); ++n) {
    Stream stream;
    stream.node = static_cast<int>(n);
    const int64_t frames = plan.frames(stream, kLong);
    if (frames > 0) ratios.insert(std::max<int64_t>(1, (kLong + frames / 2) / frames));
  }
  return ratios;
}

// Returns lengths of the signal, up to 2^41, at which a process has about as many frames as an
// integer in the model: a comparison with it may have a different result there.
std::vector<int64_t> notable_lengths(const Evaluator& evaluator) {
  const std::set<int64_t> integers =
      integers_in(evaluator.graph(), evaluator.lengths().shortest_frames());
  std::vector<int64_t> lengths;
  constexpr int64_t kLongest = int64_t{1} << 41;
  if (integers.empty()) return lengths;
  for (const int64_t ratio : frames_per_frame(evaluator.plan()))
    for (const int64_t integer : integers)
      if (integer < kLongest / ratio)
        for (int64_t n = (integer - 1) * ratio; n <= (integer + 1) * ratio; n += (ratio + 3) / 4)
          lengths.push_back(n);
  return lengths;
}

// Returns the guards that some length violates.
std::vector<Guard> guards_of(const Evaluator& evaluator) {
  const Lengths& lengths = evaluator.lengths();
  int64_t period_frames = lengths.period_frames();
  const Plan& plan = evaluator.plan();
  for (size_t n = 0; n < plan.nodes().size(); ++n) {
    Stream stream;
    stream.node = static_cast<int>(n);
    period_frames = common_period(period_frames, plan.period_frames(stream));
  }
  std::vector<Guard> guards = lengths.guards();
  for (Guard& guard : guards) {
    guard.period_frames = common_period(guard.period_frames, period_frames);
    guard.long_period_frames = common_period(guard.long_period_frames, period_frames);
  }
  return violated_guards(guards, lengths.shortest_frames(), notable_lengths(evaluator));
}

}  // namespace

ChosenOutput chosen_output(Evaluator& evaluator, const Returned& returned,
                           const LoadOptions& options) {
  const int64_t length = evaluator.lengths().accepted()[0];
  const ChosenOutput output = output_of(returned, options, length);
  const Stream& stream = output.stream;
  const auto& shape = stream.shape;
  if (shape.size() > 3 || (shape.size() == 3 && shape[stream.axis == 0 ? 1 : 0] != 1))
    throw ShapeMismatch(
        refusal(returned.node, c10::str("the model returns a tensor of the shape ", shape,
                                        ", time as -1; a stream has a batch of 1 and channels")));
  const bool is_refused = options.complex_output == ComplexOutput::kRefused;
  if (at::isComplexType(stream.dtype) && is_refused)
    throw refusal(
        returned.node,
        "the output is complex and audio is real; return torch.view_as_real() of it or its "
        "magnitude, or choose complex-output=channels for its two parts as channels");
  if (evaluator.plan().frames(stream, length) == 0)
    throw refusal(returned.node, "its output has no frames");
  return output;
}

std::shared_ptr<PlannedNetwork> build_network(const std::shared_ptr<Evaluator>& evaluator,
                                              const Returned& returned, const Stream& output,
                                              const ForwardCall& call, Execution execution,
                                              OfflineRule offline) {
  Plan& plan = evaluator->plan();
  guard_other_outputs(*evaluator, returned, output);
  PointwiseOptions flattened{flattened_frames, "output"};
  flattened.computation = Identity{};
  const Stream end = plan.add(nullptr, pointwise_layer(flattened), {output}, output);
  auto nodes = needed({plan.nodes().begin(), plan.nodes().begin() + end.node + 1});
  const int64_t least_frames = shortest_signal_with_output(nodes);
  const auto guards = guards_of(*evaluator);
  return std::make_shared<PlannedNetwork>(
      std::move(nodes),
      std::make_shared<Guards>(guards.empty() ? nullptr : evaluator, guards,
                               plan.padding() == Padding::kModel ? std::move(offline) : nullptr,
                               plan.source(), least_frames),
      call, execution);
}

namespace {

// Returns true for lengths of a model that takes all signals from some length on.
bool are_consecutive(const std::vector<int64_t>& lengths) {
  return lengths.size() > 1 && lengths[1] == lengths[0] + 1;
}

}  // namespace

std::shared_ptr<PlannedNetwork> plan_beyond_memory(
    const std::function<std::shared_ptr<PlannedNetwork>(const Lengths& lengths)>& plan,
    std::shared_ptr<Evaluator>& evaluator) {
  int64_t shortest_frames = kShortestPlannedFrames;
  std::vector<int64_t> further;
  bool is_shifted = false;  // to the first length that the model takes
  while (true) {
    evaluator.reset();
    const auto is_long_enough = [&] {
      return !evaluator || evaluator->plan().memory_frames() <= shortest_frames;
    };
    try {
      auto network = plan(Lengths(shortest_frames, further));
      if (is_long_enough()) return network;
    } catch (const std::exception&) {
      const bool wants_others = evaluator && !evaluator->lengths().wanted().empty();
      if (is_long_enough() && !(wants_others && further.empty())) throw;
    }
    further.clear();
    if (is_long_enough()) further = evaluator->lengths().wanted();
    if (are_consecutive(further) && further[0] > shortest_frames && !is_shifted) {
      shortest_frames = std::exchange(further, {})[0];
      is_shifted = true;
    }
    const int64_t memory_frames = evaluator->plan().memory_frames();
    if (memory_frames > kLongestMemoryFrames)
      throw Error(c10::str("its first frame of output needs ", memory_frames,
                           " frames of the signal; at most ", kLongestMemoryFrames,
                           " are supported"));
    while (shortest_frames < memory_frames) shortest_frames *= 2;
  }
}

}  // namespace torchstreamer::graph
