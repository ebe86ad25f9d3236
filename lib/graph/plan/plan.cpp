#include "graph/plan/plan.h"

#include <algorithm>

#include "graph/plan/formula.h"
#include "graph/plan/guard.h"
#include "graph/plan/input.h"
#include "time/period.h"

namespace torchstreamer::graph {
namespace {

// The text contains the number of input channels, because the search for this number stops if a
// text is repeated.
ShapeMismatch zero_channels(const Node* origin, int64_t channels_in) {
  return ShapeMismatch(refusal(
      origin, "its output has zero channels, its input has " + std::to_string(channels_in)));
}

// Largest number of frames for each frame of the signal, and largest terms of the ratio, which
// bound the memory of a stream.
constexpr int64_t kMostFramesPerFrame = 1 << 16, kMostRateTerm = 1 << 22;

// Returns the rate after a process. The terms of its own rate are less than kMostRateTerm, too.
Rational rate_after(Rational rate, Rational process) {
  const Rational after = rate * process;
  if (after.floor() > kMostFramesPerFrame)
    throw Error("its output has " + std::to_string(after.floor()) +
                " frames for each frame of the signal; at most " +
                std::to_string(kMostFramesPerFrame) + " are supported");
  if (after.num > kMostRateTerm || after.den > kMostRateTerm)
    throw Error("the ratio of the frames of its output to those of the signal, " +
                std::to_string(after.num) + "/" + std::to_string(after.den) +
                ", is not a ratio of integers up to " + std::to_string(kMostRateTerm));
  return after;
}

}  // namespace

Plan::Plan(Format source, const std::vector<int64_t>& shape, Padding padding,
           std::vector<int64_t> sampled)
    : source_(std::move(source)), padding_(padding), sampled_(std::move(sampled)) {
  const auto time = std::find(shape.begin(), shape.end(), -1);
  const Stream signal{Network::kSource, shape, static_cast<int>(time - shape.begin()),
                      source_.dtype, 0};
  std::vector<int64_t> frame(shape.begin(), time);
  frame.insert(frame.end(), time + 1, shape.end());
  signal_ = add(nullptr, input_layer(source_, std::move(frame)), {signal}, signal);
}

Stream Plan::add(const Node* origin, LayerPtr layer, const std::vector<Stream>& inputs,
                 Stream like) {
  Network::Node node{std::move(layer), {}, {}};
  if (origin) node.label = {module_path(origin), operator_name(origin), source_line(origin)};
  for (const Stream& input : inputs) node.inputs.push_back(input.node);
  edges_.push_back(edge_after(node, inputs));
  for (const int64_t size : edges_.back().format.frame)
    if (size == 0 && origin) {
      const int64_t channels_in =
          inputs.empty() ? 0 : edges_[inputs.front().node].format.channels();
      throw zero_channels(origin, channels_in);
    }
  counting_.add(node);
  nodes_.push_back(std::move(node));
  counted_frames_ = -1;
  like.node = static_cast<int>(nodes_.size()) - 1;
  update_memory(like);
  return like;
}

Plan::Edge Plan::edge_after(const Network::Node& node, const std::vector<Stream>& inputs) const {
  const Timing& timing = node.layer->timing();
  std::vector<Format> formats;
  Edge edge{{}, 1, 1, nullptr};
  for (const Stream& input : inputs) {
    formats.push_back(format(input));
    edge.period_frames = common_period(edge.period_frames, period_frames(input));
    if (input.node != Network::kSource) edge.rate = edges_[input.node].rate;
  }
  edge.rate = rate_after(edge.rate, timing.rate());
  edge.format = node.layer->accept(formats);
  // A whole number of periods of this process.
  const Rational own = Rational(timing.period_frames()) / edge.rate;
  edge.period_frames = common_period(edge.period_frames, own.num);
  edge.sampled = inputs.size() == 1 && inputs[0].node != Network::kSource && timing.is_pointwise()
                     ? edges_[inputs[0].node].sampled
                     : sampled_frames(*node.layer, inputs);
  return edge;
}

std::shared_ptr<const std::vector<int64_t>> Plan::sampled_frames(
    const Layer& layer, const std::vector<Stream>& inputs) const {
  auto totals = std::make_shared<std::vector<int64_t>>();
  std::vector<Count> counts(inputs.size());
  for (size_t i = 0; i < sampled_.size(); ++i) {
    const int64_t length = sampled_[i];
    for (size_t s = 0; s < inputs.size(); ++s) {
      const int node = inputs[s].node;
      const int64_t n = node == Network::kSource ? length : (*edges_[node].sampled)[i];
      counts[s] = {n, n, length};
    }
    totals->push_back(layer.timing().count(layer.join(counts)).total);
  }
  return totals;
}

void Plan::update_memory(const Stream& stream) {
  if ((*edges_[stream.node].sampled)[0] > 0) return;
  const int64_t least = least_length([&](int64_t n) { return frames(stream, n) > 0; });
  if (frames(stream, least) > 0) memory_frames_ = std::max(memory_frames_, least);
}

int64_t Plan::frames(const Stream& stream, int64_t source_frames) const {
  if (stream.node == Network::kSource) return source_frames;
  const auto sample = std::lower_bound(sampled_.begin(), sampled_.end(), source_frames);
  if (sample != sampled_.end() && *sample == source_frames)
    return (*edges_[stream.node].sampled)[sample - sampled_.begin()];
  if (counted_frames_ != source_frames)
    counting_.count({source_frames, source_frames, source_frames}, counts_);
  counted_frames_ = source_frames;
  return counts_[counting_.place(stream.node)].total;
}

int64_t Plan::period_frames(const Stream& stream) const {
  return stream.node == Network::kSource ? 1 : edges_[stream.node].period_frames;
}

Format Plan::format(const Stream& stream) const {
  return stream.node == Network::kSource ? source_ : edges_[stream.node].format;
}

}  // namespace torchstreamer::graph
