// A network of processes, itself a layer: chains, residuals and whole models are made of it.
#pragma once

#include "network/layer.h"

namespace torchstreamer {

class Counting;

/// Processes in topological order. Immutable once built.
class Network : public Layer {
 public:
  /// The network's own input, as an input of its nodes.
  static constexpr int kSource = -1;

  /// Place of a process in the model, for the printed plan. Parts may be empty.
  struct Label {
    std::string module_path;    ///< "encoder.2"
    std::string operator_name;  ///< "aten::conv1d"
    std::string source_line;    ///< "model.py:12"

    /// The parts in one line; empty if there are none.
    std::string text() const;
  };

  struct Node {
    LayerPtr layer;
    std::vector<int> inputs;  ///< indices of earlier nodes, or kSource
    Label label;
  };

  /// The last node's output is the network's. An empty network passes its input through. `total`:
  /// see Timing::with_totals.
  explicit Network(std::vector<Node> nodes, Timing::TotalRule total = nullptr);

  /// The layers one after the other.
  static LayerPtr chain(std::vector<LayerPtr> layers);

  const std::vector<Node>& nodes() const { return nodes_; }
  /// Of these nodes.
  const Counting& counting() const { return *counting_; }

  /// What flows through a node: the formats around it, and its output frames for each frame of the
  /// source.
  struct Visit {
    std::vector<Format> in;
    Format out;
    Rational rate;
  };
  /// A visit to every node, for a source of this format. Throws Error where they do not fit.
  std::vector<Visit> walk(const Format& in) const;

  Format accept(const std::vector<Format>& in) const override;
  std::unique_ptr<State> start() const override;
  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override;
  /// The plan: one line a process.
  std::string describe() const override;

  /// The time map from the source to the output of the last node.
  static Timing timing_of(const std::vector<Node>& nodes);

 private:
  std::vector<Node> nodes_;
  std::shared_ptr<const Counting> counting_;
};

}  // namespace torchstreamer
