#include "graph/plan/plan.h"

#include <algorithm>

#include "graph/plan/input.h"
#include "graph/plan/lengths.h"

namespace torchstreamer::graph {

Plan::Plan(Format source, const std::vector<int64_t>& shape, Padding padding)
    : source_(std::move(source)), padding_(padding) {
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
  std::vector<Format> formats;
  for (const Stream& input : inputs) {
    node.inputs.push_back(input.node);
    formats.push_back(format(input));
  }
  formats_.push_back(node.layer->accept(formats));
  for (const int64_t size : formats_.back().frame)
    if (size == 0 && origin) throw refusal(origin, "its output has zero channels");
  sampled_.push_back(sampled_frames(*node.layer, inputs));
  counting_.add(node);
  nodes_.push_back(std::move(node));
  like.node = static_cast<int>(nodes_.size()) - 1;
  return like;
}

std::vector<int64_t> Plan::sampled_frames(const Layer& layer,
                                          const std::vector<Stream>& inputs) const {
  std::vector<int64_t> totals;
  for (const int64_t length : sampled_lengths()) {
    std::vector<Count> counts;
    for (const Stream& input : inputs) {
      const int64_t n = frames(input, length);
      counts.push_back({n, n, length});
    }
    totals.push_back(layer.timing().count(layer.join(counts)).total);
  }
  return totals;
}

int64_t Plan::frames(const Stream& stream, int64_t source_frames) const {
  if (stream.node == Network::kSource) return source_frames;
  const auto& lengths = sampled_lengths();
  const auto sample = std::lower_bound(lengths.begin(), lengths.end(), source_frames);
  if (sample != lengths.end() && *sample == source_frames)
    return sampled_[stream.node][sample - lengths.begin()];
  const Count source{source_frames, source_frames, source_frames};
  return counting_.of(stream.node, source).total;
}

Format Plan::format(const Stream& stream) const {
  return stream.node == Network::kSource ? source_ : formats_[stream.node];
}

}  // namespace torchstreamer::graph
