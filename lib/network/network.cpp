#include "network/network.h"

#include "network/counting.h"
#include "support/exceptions.h"
#include "time/period.h"
#include "torchstreamer/error.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace torchstreamer {
namespace {

using Nodes = std::vector<Network::Node>;

// Walks from the output back to the source and collects the span of frames that each node must
// provide.
Span source_span(const Nodes& nodes, Span out) {
  std::map<int, Span, std::greater<int>> needed = {{static_cast<int>(nodes.size()) - 1, out}};
  while (needed.begin()->first != Network::kSource) {
    const auto [node, span] = *needed.begin();
    needed.erase(needed.begin());
    const Span in = nodes[node].layer->timing().depends(span);
    for (int i : nodes[node].inputs) {
      const auto [it, is_new] = needed.emplace(i, in);
      if (!is_new) it->second = hull(it->second, in);
    }
  }
  return needed.begin()->second;
}

class NetworkState : public State {
 public:
  explicit NetworkState(const Network& network) : network_(network) {
    for (const auto& node : network.nodes()) states_.push_back(node.layer->start());
    emitted_.assign(states_.size(), 0);
  }

  Tensor push(const Tensors& in, const Step& step) override {
    const Nodes& nodes = network_.nodes();
    if (nodes.empty()) return in[0];
    // A nested network counts the frames of its own source.
    const Counting& counting = network_.counting();
    counting.count({step.in.now, step.in.total, step.in.total}, counts_);
    Tensors out(nodes.size());
    for (size_t n = 0; n < nodes.size(); ++n) {
      Tensors inputs;
      for (int i : nodes[n].inputs) inputs.push_back(i == Network::kSource ? in[0] : out[i]);
      const int node = static_cast<int>(n);
      const Count& count = counts_[counting.place(node)];
      const int64_t due = (step.final ? count.total : count.now) - emitted_[n];
      try {
        out[n] = states_[n]->push(inputs,
                                  {step.final, emitted_[n], due, counting.joined(node, counts_)});
      } catch (...) {
        rethrow_as_error(nodes[n].layer->describe());
      }
      if ((out[n].defined() ? out[n].size(0) : 0) != due)
        throw Error(nodes[n].layer->describe() +
                    " did not return the number of frames that follows from its timing");
      emitted_[n] += due;
    }
    return out.back();
  }

  int64_t held_bytes() const override {
    int64_t bytes = 0;
    for (const auto& state : states_) bytes += state->held_bytes();
    return bytes;
  }

  int64_t recoveries() const override {
    int64_t recoveries = 0;
    for (const auto& state : states_) recoveries += state->recoveries();
    return recoveries;
  }

 private:
  const Network& network_;
  std::vector<std::unique_ptr<State>> states_;
  std::vector<int64_t> emitted_;
  std::vector<Count> counts_;
};

}  // namespace

std::string Network::Label::text() const {
  if (operator_name.empty()) return module_path;
  return module_path + " " + operator_name + " " + source_line;
}

Network::Network(std::vector<Node> nodes, Timing::TotalRule total)
    : Layer(timing_of(nodes).with_totals(std::move(total))),
      nodes_(std::move(nodes)),
      counting_(std::make_shared<Counting>(nodes_)) {}

LayerPtr Network::chain(std::vector<LayerPtr> layers) {
  Nodes nodes;
  for (auto& layer : layers)
    nodes.push_back({std::move(layer), {static_cast<int>(nodes.size()) - 1}, {}});
  return std::make_shared<Network>(std::move(nodes));
}

Timing Network::timing_of(const Nodes& nodes) {
  if (nodes.empty()) return Timing::pointwise();
  // Rates and periods of each node, relative to the source.
  std::vector<Rational> rates;
  std::vector<int64_t> periods;
  for (const auto& node : nodes) {
    Rational rate(1);
    int64_t period = 1;
    for (int i : node.inputs)
      if (i != kSource) {
        rate = rates[i];
        period = std::lcm(period, periods[i]);
      }
    rates.push_back(rate * node.layer->timing().rate());
    periods.push_back(chained_period_frames(period, node.layer->timing()));
  }
  return Timing(
      rates.back(), periods.back(),
      [counting = Counting(nodes), last = static_cast<int>(nodes.size()) - 1](const Count& source) {
        return counting.of(last, {source.now, source.total, source.total});
      },
      [nodes](Span out) { return source_span(nodes, out); });
}

Format Network::accept(const std::vector<Format>& in) const {
  return nodes_.empty() ? in[0] : walk(in[0]).back().out;
}

std::vector<Network::Visit> Network::walk(const Format& in) const {
  std::vector<Visit> visits;
  for (const Node& node : nodes_) {
    Visit visit;
    for (int i : node.inputs) {
      visit.in.push_back(i == kSource ? in : visits[i].out);
      visit.rate = i == kSource ? Rational(1) : visits[i].rate;
    }
    visit.rate = visit.rate * node.layer->timing().rate();
    visit.out = node.layer->accept(visit.in);
    visits.push_back(std::move(visit));
  }
  return visits;
}

int64_t Network::multiply_adds_per_frame(const std::vector<Format>& in) const {
  return total_per_frame(in[0], &Layer::multiply_adds_per_frame);
}

int64_t Network::window_samples(const std::vector<Format>& in) const {
  return total_per_frame(in[0], &Layer::window_samples);
}

int64_t Network::total_per_frame(const Format& in, FigureOfLayer figure) const {
  Rational sum;
  const auto visits = walk(in);
  for (size_t n = 0; n < nodes_.size(); ++n)
    sum = sum + visits[n].rate * Rational((*nodes_[n].layer.*figure)(visits[n].in));
  return (sum / timing().rate()).ceil();
}

std::unique_ptr<State> Network::start() const { return std::make_unique<NetworkState>(*this); }

std::string Network::describe() const {
  std::string text;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    text += (n ? "\n" : "") + std::to_string(n) + ": " + nodes_[n].layer->describe() + " <-";
    for (int i : nodes_[n].inputs) text += i == kSource ? " input" : " " + std::to_string(i);
    if (const std::string label = nodes_[n].label.text(); !label.empty()) text += "  # " + label;
  }
  return text;
}

}  // namespace torchstreamer
