// Partial evaluation of a TorchScript graph into a network of processes.
#pragma once

#include "graph/evaluate/in_place.h"
#include "graph/evaluate/operators.h"

namespace torchstreamer::graph {

/// The value that forward() returns, and the node that computes it.
struct Returned {
  Value value;
  const Node* node;
};

/// Evaluates a graph. Its input 0 is the module and its input 1 is the signal. Values that do not
/// depend on the signal are computed. Values that depend only on its length become functions of the
/// length. Values that depend on its samples become processes of the plan.
class Evaluator {
 public:
  /// `source`, `shape`: see Plan. `shortest_frames`: see Lengths. All arguments of forward() but the
  /// signal have defaults.
  Evaluator(std::shared_ptr<torch::jit::Graph> graph, IValue module, Format source,
            const std::vector<int64_t>& shape, Padding padding,
            int64_t shortest_frames = kShortestPlannedFrames);

  /// Evaluates the whole graph, once. Throws Refusal; see also ChannelMismatch.
  Returned run();

  Plan& plan() { return plan_; }
  const Plan& plan() const { return plan_; }
  const Lengths& lengths() const { return lengths_; }
  /// Number of nodes that were evaluated before the first one that cannot be streamed.
  size_t progress() const { return progress_; }
  /// Sizes of the constant arguments of that node: it may take as many channels.
  const std::vector<int64_t>& refused_sizes() const { return refused_sizes_; }

 private:
  std::vector<Value> block(const torch::jit::Block* block);
  std::vector<Value> evaluate(Node* node);
  std::vector<Value> evaluate_operator(const Call& call);
  std::vector<Value> branch(const Call& call);
  std::vector<Value> loop(const Call& call);
  bool decide(const Value& value, const Node* node);

  std::shared_ptr<torch::jit::Graph> graph_;
  Lengths lengths_;
  Plan plan_;
  Operators operators_{plan_, lengths_};
  Values values_;
  InPlace in_place_{values_, operators_};
  size_t progress_ = 0;
  std::vector<int64_t> refused_sizes_;
  bool is_poisoned_ = false;
};

}  // namespace torchstreamer::graph
