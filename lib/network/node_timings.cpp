#include "network/node_timings.h"

#include <numeric>

#include "network/counting.h"
#include "time/period.h"

namespace torchstreamer {
namespace {

// Longest period whose spans are kept.
constexpr int64_t kLongestPeriodFrames = 1 << 12;

/// The spans of the source that the frames of one edge depend on, for one period.
class SourceSpans {
 public:
  /// `shift`: frames of the source for each period.
  SourceSpans(std::vector<Span> spans, int64_t shift) : spans_(std::move(spans)), shift_(shift) {}

  Span at(Span out) const { return {at(out.first).first, at(out.last).last}; }

 private:
  Span at(int64_t frame) const {
    const auto frames = static_cast<int64_t>(spans_.size());
    const int64_t period = floor_div(frame, frames), shift = period * shift_;
    const Span& span = spans_[frame - period * frames];
    return {span.first + shift, span.last + shift};
  }

  std::vector<Span> spans_;
  int64_t shift_;
};

/// An edge of the network: the output of a node, or the source.
struct Edge {
  Rational rate = {1};
  int64_t period_frames = 1;
  /// Null if the period is too long.
  std::shared_ptr<const SourceSpans> spans;
};

class Edges {
 public:
  Edges() : source_{{1}, 1, std::make_shared<SourceSpans>(std::vector<Span>{{0, 0}}, 1)} {}

  // Adds the output of the next node.
  const Edge& add(const Network::Node& node) {
    const Timing& timing = node.layer->timing();
    Edge edge = {{1}, 1, nullptr};
    std::vector<std::shared_ptr<const SourceSpans>> inputs;
    for (const int i : node.inputs) {
      const Edge& input = i == Network::kSource ? source_ : edges_[i];
      inputs.push_back(input.spans);
      if (i == Network::kSource) continue;
      edge.rate = input.rate;
      edge.period_frames = std::lcm(edge.period_frames, input.period_frames);
    }
    edge.rate = edge.rate * timing.rate();
    edge.period_frames = chained_period_frames(edge.period_frames, timing);
    edge.spans = spans_of(timing, inputs, edge);
    edges_.push_back(std::move(edge));
    return edges_.back();
  }

 private:
  static std::shared_ptr<const SourceSpans> spans_of(
      const Timing& timing, const std::vector<std::shared_ptr<const SourceSpans>>& inputs,
      const Edge& edge) {
    for (const auto& input : inputs)
      if (!input) return nullptr;
    if (inputs.empty() || edge.period_frames > kLongestPeriodFrames) return nullptr;
    if (timing.is_pointwise() && inputs.size() == 1) return inputs[0];
    std::vector<Span> spans;
    for (int64_t t = 0; t < edge.period_frames; ++t) {
      const Span in = timing.depends({t, t});
      Span span = inputs[0]->at(in);
      for (const auto& input : inputs) span = hull(span, input->at(in));
      spans.push_back(span);
    }
    return std::make_shared<SourceSpans>(std::move(spans),
                                         (Rational(edge.period_frames) / edge.rate).num);
  }

  Edge source_;
  std::vector<Edge> edges_;
};

}  // namespace

std::vector<Timing> node_timings(const Network& network) {
  const auto& nodes = network.nodes();
  const auto counting = std::make_shared<const Counting>(nodes);
  std::vector<Timing> timings;
  Edges edges;
  for (size_t n = 0; n < nodes.size(); ++n) {
    const Edge& edge = edges.add(nodes[n]);
    if (!edge.spans) {
      timings.push_back(Network::timing_of({nodes.begin(), nodes.begin() + n + 1}));
      continue;
    }
    const auto count = [counting, node = static_cast<int>(n)](const Count& source) {
      return counting->of(node, {source.now, source.total, source.total});
    };
    timings.emplace_back(edge.rate, edge.period_frames, count,
                         [spans = edge.spans](Span out) { return spans->at(out); });
  }
  return timings;
}

}  // namespace torchstreamer
