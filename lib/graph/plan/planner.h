// Partial evaluation of a TorchScript graph into a network of processes.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <unordered_map>

#include "graph/plan/input.h"
#include "graph/plan/planned_network.h"
#include "graph/plan/value.h"
#include "torchstreamer/error.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

using torch::jit::Node;

class Planner;

/// A process cannot take the channels it is given; `channels` would do.
class ChannelMismatch : public Error {
 public:
  ChannelMismatch(const std::string& what, int64_t channels) : Error(what), channels(channels) {}
  int64_t channels;
};

/// Where the node stands: the modules whose forward() calls lead to it ("encoder.2"), and the
/// innermost "file:line" that is not PyTorch's own. Empty where the file does not tell.
std::string module_path(const Node* node);
std::string source_line(const Node* node);

/// Whether the operator writes to its first argument.
bool writes_in_place(const Node* node);

/// The refusal of a node: its operator, module path and line in the model's source.
Refusal refusal(const Node* node, const std::string& reason);

/// One operator of the graph and the kinds of its arguments: what a rule sees.
class Call {
 public:
  Call(Planner& planner, Node* node, std::vector<Value> args)
      : planner(planner), node(node), args(std::move(args)) {}

  /// Argument `i` as what the rule needs. Refuses the node where it is something else, or where it
  /// depends on the length of the signal.
  Stream stream(size_t i) const;
  IValue constant(size_t i) const;
  int64_t integer(size_t i) const { return constant(i).toInt(); }
  bool boolean(size_t i) const { return constant(i).toBool(); }
  /// Undefined for None.
  Tensor tensor(size_t i) const;

  [[noreturn]] void refuse(const std::string& reason) const { throw refusal(node, reason); }

  Planner& planner;
  Node* node;
  std::vector<Value> args;
};

/// One row of the rule table: the streams (and other values) that an operator makes of its
/// arguments, at least one of which is a stream.
using Rule = std::vector<Value> (*)(const Call& call);

/// Evaluates a graph whose input 0 is the module and input 1 the signal. What does not depend on
/// the signal is computed, what depends on its length stays a function of it, and what depends on
/// the signal becomes a process of the plan.
class Planner : public std::enable_shared_from_this<Planner> {
 public:
  /// `input`: the shape of the signal, -1 at its time axis. `offline`: the model itself, for
  /// signals that the plan does not hold for.
  Planner(std::shared_ptr<torch::jit::Graph> graph, IValue module, std::vector<int64_t> input,
          at::ScalarType dtype, at::Device device, Padding padding, Execution execution,
          OfflineRule offline);

  /// The whole graph, once; the planner must be held by a shared_ptr. Throws Refusal; see also
  /// ChannelMismatch.
  /// `output`: which of the tensors that forward() returns.
  std::shared_ptr<const PlannedNetwork> plan(int output = 0);

  /// Nodes that were evaluated before the first that cannot be streamed: how far a plan came.
  size_t progress() const { return progress_; }

  // For the rules:

  Padding padding() const { return padding_; }
  /// The processes so far; a stream's node is an index of them.
  const std::vector<Network::Node>& nodes() const { return nodes_; }
  const Counting& counting() const { return counting_; }
  /// Adds a process that reads `inputs`; its output looks like `like`, but for its channels.
  Stream add(const Node* origin, LayerPtr layer, const std::vector<Stream>& inputs, Stream like);
  /// Frames of `stream` for a signal of `source_frames`.
  int64_t frames(const Stream& stream, int64_t source_frames) const;
  Format format(const Stream& stream) const;
  /// The integer that `value` is for every sampled length; refuses `node` if there is none.
  int64_t fixed_integer(const Value& value, const Node* node, const std::string& what);

  /// The closed formula of a number of frames that `rule` computes for any length of the signal;
  /// refuses `node` where the sampled lengths show none. For very short signals the formula may
  /// differ: that is an error at their end, unless it makes no difference to `effect(n, frames)`.
  LengthRule formula(LengthRule rule, const Node* node, const std::string& what,
                     std::function<int64_t(int64_t n, int64_t frames)> effect = nullptr);

  /// Checks again at the end of every signal what was decided for the lengths that count.
  /// `violation`: what is wrong with a signal for which it does not hold.
  void guard(
      std::function<bool(int64_t source_frames)> holds, const Node* node,
      const std::string& violation = "it treats this length in another way than longer ones");
  /// Lengths of the signal for which it does not hold are an error of the model itself: they count
  /// no longer. Refuses `node` with `violation` if (almost) none is left.
  void require(const std::function<bool(int64_t source_frames)>& holds, const Node* node,
               const std::string& violation);

  /// Lengths of the signal at which symbolic decisions are tried: long runs of neighbours, so that
  /// every remainder of every likely stride occurs; and those among them that the model takes.
  static const std::vector<int64_t>& sampled_lengths();
  const std::vector<int64_t>& lengths() const { return lengths_; }

  /// A tensor that grows with the signal as a stream beside `like`, whose frames it is used with:
  /// positions, positional encodings, running counts. A tensor that does not grow as a constant.
  /// Refuses `node` where frames change as the signal goes on.
  Value promoted(const SymbolPtr& symbol, const Stream& like, const Node* node);

  /// What the operator makes of these arguments.
  std::vector<Value> compute(Node* node, const std::vector<Value>& args);
  /// An operator over lengths: run anew for every length that is asked for.
  std::vector<Value> symbolic(Node* node, const std::vector<Value>& args);

 private:
  std::vector<Value> block(const torch::jit::Block* block);
  std::vector<Value> evaluate(Node* node);
  std::vector<Value> branch(const Node* node, const std::vector<Value>& args);
  std::vector<Value> loop(const Node* node, const std::vector<Value>& args);
  std::vector<Value> unpack(const Node* node, const Value& packed);
  bool list_operation(const Node* node, std::vector<Value>& args, std::vector<Value>& result);
  bool dict_operation(const Node* node, std::vector<Value>& args, std::vector<Value>& result);
  std::vector<Value> run(Node* node, const std::vector<Value>& args, int64_t source_frames);
  torch::jit::Stack stack_of(Node* node, const std::vector<Value>& args,
                             int64_t source_frames) const;
  std::vector<Value> size(const Node* node, const std::vector<Value>& args);
  void expect(SymbolPtr symbol, const IValue& value, const Node* node);
  bool decide(const Value& value, const Node* node);
  std::shared_ptr<const PlannedNetwork> finished(const Value& returned, int output);
  Value folded(SymbolPtr symbol, const Node* node);
  std::vector<std::pair<int64_t, IValue>> samples(const SymbolPtr& symbol) const;
  Value promoted_items(const std::vector<Value>& items, const Stream& like, const Node* node);
  std::optional<Stream> promoted_by_values(const Tensor& longer, int axis, const Stream& like);
  std::optional<Stream> promoted_by_origin(const Origin& origin, const Stream& like,
                                           const Node* node);

  // What is written in place (mutation.cpp).
  using GraphValue = const torch::jit::Value*;
  /// A value that shares the memory of `base`: output `index` of `node`, whose input 0 `base` is.
  struct View {
    GraphValue base;
    Node* node;
    size_t index;
    GraphValue value;
  };
  void note_view(Node* node);
  std::vector<Value> write(Node* node, const std::vector<Value>& args);
  GraphValue owner(GraphValue value) const;
  std::vector<View> views_to(GraphValue& value) const;
  std::vector<Value> view_args(const View& view) const;
  // What `value`, the content of `root`, becomes where `node` writes to a view of it.
  Value written(Node* node, const std::vector<Value>& args, const std::vector<View>& chain,
                GraphValue root, Value value);
  // A stream of what `symbol` is, which a stream is written to.
  Value grown(Node* node, const std::vector<Value>& args, const SymbolPtr& symbol);
  Value written_stream(Node* node, const std::vector<Value>& args, const std::vector<View>& chain,
                       const Stream& root);
  Value written_symbol(Node* node, const std::vector<Value>& args, const std::vector<View>& chain,
                       const SymbolPtr& root) const;
  void refresh_views(GraphValue root);

  std::shared_ptr<torch::jit::Graph> graph_;
  std::unordered_map<const torch::jit::Value*, Value> values_;
  Padding padding_;
  Execution execution_;
  at::Device device_;
  OfflineRule offline_;
  Format taken_;
  std::vector<int64_t> lengths_ = sampled_lengths();

  std::vector<Network::Node> nodes_;
  Counting counting_;                          // of these nodes
  std::vector<Format> formats_;                // of each node's output
  std::vector<std::vector<int64_t>> sampled_;  // frames of each node's output
  std::vector<Guard> guards_;
  std::vector<View> views_;                             // in the order in which they are made
  std::unordered_map<GraphValue, GraphValue> same_as_;  // other names of a value
  size_t progress_ = 0;
  bool is_poisoned_ = false;
};

}  // namespace torchstreamer::graph
