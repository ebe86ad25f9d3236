// A network of processes, which is itself a layer. Chains, residuals and whole models are networks.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

class Counting;

/// Processes in topological order. Immutable once built.
class Network : public Layer {
 public:
  /// Index of the network's own input among the inputs of its nodes.
  static constexpr int kSource = -1;

  /// Place of a process in the model, for the printed plan. Any part may be empty.
  struct Label {
    std::string module_path;    ///< "encoder.2"
    std::string operator_name;  ///< "aten::conv1d"
    std::string source_line;    ///< "model.py:12"

    /// Returns the parts in one line; empty if all are empty.
    std::string text() const;
  };

  struct Node {
    LayerPtr layer;
    std::vector<int> inputs;  ///< indices of earlier nodes, or kSource
    Label label;
  };

  /// The output of the last node is the output of the network. An empty network returns its input.
  /// `total`: see Timing::with_totals.
  explicit Network(std::vector<Node> nodes, Timing::TotalRule total = nullptr);

  /// Returns a network that runs the layers one after the other.
  static LayerPtr chain(std::vector<LayerPtr> layers);

  const std::vector<Node>& nodes() const { return nodes_; }
  /// The counting of these nodes.
  const Counting& counting() const { return *counting_; }

  /// The formats of the inputs and the output of a node, and its rate.
  struct Visit {
    std::vector<Format> in;
    Format out;
    Rational rate;  ///< output frames for each frame of the source
  };
  /// One visit for each node, for a source of this format. Throws Error if a node does not accept
  /// its input.
  std::vector<Visit> walk(const Format& in) const;

  Format accept(const std::vector<Format>& in) const override;
  std::unique_ptr<State> start() const override;
  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override;
  int64_t window_samples(const std::vector<Format>& in) const override;
  /// The plan, one line for each process.
  std::string describe() const override;

  /// Returns the timing from the source to the output of the last node.
  static Timing timing_of(const std::vector<Node>& nodes);

 private:
  using FigureOfLayer = int64_t (Layer::*)(const std::vector<Format>& in) const;
  // Returns the sum of a figure per output frame of each layer, per output frame of the network,
  // rounded up.
  int64_t total_per_frame(const Format& in, FigureOfLayer figure) const;

  std::vector<Node> nodes_;
  std::shared_ptr<const Counting> counting_;
};

}  // namespace torchstreamer
