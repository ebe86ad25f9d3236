// Values of the graph that share memory.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace torchstreamer::graph {

using torch::jit::Node;
using GraphValue = const torch::jit::Value*;

/// Returns true if the operator writes to its first argument.
bool writes_in_place(const Node* node);

/// Returns the name of the operator that computes the same result into a new tensor.
std::string functional_name(const Node* node);

/// A value that shares the memory of `base`: output `index` of `node`. `base` is input 0 of `node`.
struct View {
  GraphValue base;
  Node* node;
  size_t index;
  GraphValue value;
};

/// Values that are views or names of other values, in the evaluated part of the graph.
class Aliases {
 public:
  /// Records the outputs of an operator that are views of its input 0 or the input itself.
  void add_outputs(Node* node);
  /// Records `name` as another name of `value`.
  void add_name(GraphValue name, GraphValue value) { names_[name] = value; }

  /// Returns the value that `value` names; `value` itself if it is not a name.
  GraphValue named(GraphValue value) const;

  /// A tensor, and the views that lead from it to one of its parts, outermost first.
  struct Path {
    GraphValue root;
    std::vector<View> views;
  };
  Path path_to(GraphValue value) const;

  /// All views, in the order of evaluation.
  const std::vector<View>& views() const { return views_; }
  const std::unordered_map<GraphValue, GraphValue>& names() const { return names_; }

 private:
  std::vector<View> views_;
  std::unordered_map<GraphValue, GraphValue> names_;
};

}  // namespace torchstreamer::graph
