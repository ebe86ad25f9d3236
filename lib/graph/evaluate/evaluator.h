// Partial evaluation of a TorchScript graph into a network of processes.
#pragma once

#include <unordered_map>

#include "graph/evaluate/attributes.h"
#include "graph/evaluate/heap.h"
#include "graph/evaluate/operators.h"

namespace torchstreamer::graph {

/// The value that a method returns, its type, and the node that computes it.
struct Returned {
  Value value;
  c10::TypePtr type;
  const Node* node;
};

/// Evaluates a graph. Its inputs are the module and the signal. Values that do not depend on the
/// signal are computed. Values that depend only on its length become functions of the length.
/// Values that depend on its samples become processes of the plan.
class Evaluator {
 public:
  /// `source`, `shape`: see Plan. `lengths`: those that decisions are made for.
  Evaluator(std::shared_ptr<torch::jit::Graph> graph, IValue module, Format source,
            const std::vector<int64_t>& shape, Padding padding, Lengths lengths = Lengths());

  /// Evaluates the whole graph, once. Throws Refusal; see also ChannelMismatch.
  Returned run();

  /// The graph of forward().
  torch::jit::Graph& graph() const { return *graph_; }
  Plan& plan() { return plan_; }
  const Plan& plan() const { return plan_; }
  Lengths& lengths() { return lengths_; }
  const Lengths& lengths() const { return lengths_; }
  /// Number of nodes that were evaluated before the first one that cannot be streamed.
  size_t progress() const { return progress_; }
  /// Sizes of the constant arguments of that node: it may take as many channels.
  const std::vector<int64_t>& refused_sizes() const { return refused_sizes_; }
  /// Returns true if that node does not accept the shape of an argument.
  bool is_shape_refused() const { return is_shape_refused_; }

 private:
  std::vector<Object> block(torch::jit::Block* block);
  void evaluate(Node* node);
  std::vector<Object> results(Node* node, const std::vector<Object>& operands);
  std::optional<Object> constructed(Node* node, const std::vector<Object>& operands);
  std::vector<Object> operator_results(Node* node, const std::vector<Object>& operands);
  std::vector<Object> branch(Node* node, const Object& condition);
  std::vector<Object> either(Node* node, const Object& condition);
  std::optional<Object> logical(Node* node);
  Value unfolded(const torch::jit::Value* value);
  std::vector<Object> checked(Node* node, const SymbolPtr& condition, bool raises_if_true);
  std::vector<Object> loop(Node* node, const std::vector<Object>& operands);
  Object enter_or_exit(Node* node, const Object& manager);
  bool decide(const Object& condition, const Node* node);
  std::string exception_text(torch::jit::Block* block, int64_t source_frames);
  std::string exception_text(const Node* raise, int64_t source_frames) const;
  std::vector<Object> objects(c10::ArrayRef<torch::jit::Value*> values) const;

  std::shared_ptr<torch::jit::Graph> graph_;
  std::vector<std::shared_ptr<torch::jit::Graph>> methods_;  // that were evaluated, too
  Lengths lengths_;
  Plan plan_;
  Operators operators_{plan_, lengths_};
  Heap heap_{operators_};
  Attributes attributes_;
  std::unordered_map<const torch::jit::Value*, Object> objects_;  // as far as evaluated
  size_t progress_ = 0;
  std::vector<int64_t> refused_sizes_;
  bool is_shape_refused_ = false;
  bool is_poisoned_ = false;
};

}  // namespace torchstreamer::graph
