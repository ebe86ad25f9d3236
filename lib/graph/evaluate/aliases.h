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

/// Returns the name of the operator that computes the same, but into a new tensor.
std::string functional_name(const Node* node);

/// A value that shares the memory of `base`: output `index` of `node`, whose input 0 `base` is.
struct View {
  GraphValue base;
  Node* node;
  size_t index;
  GraphValue value;
};

/// Which values are views of others or other names of them, as far as the graph was evaluated.
class Aliases {
 public:
  /// Records the outputs of an operator that are views of its input 0, or the input itself.
  void add_outputs(Node* node);
  /// Records `name` as another name of `value`.
  void add_name(GraphValue name, GraphValue value) { names_[name] = value; }

  /// Returns the value that `value` is a name of; itself, if it is not a name.
  GraphValue named(GraphValue value) const;

  /// A tensor, and the views that lead from it to one of its parts, outermost first.
  struct Path {
    GraphValue root;
    std::vector<View> views;
  };
  Path path_to(GraphValue value) const;

  /// In the order in which they are made.
  const std::vector<View>& views() const { return views_; }
  const std::unordered_map<GraphValue, GraphValue>& names() const { return names_; }

 private:
  std::vector<View> views_;
  std::unordered_map<GraphValue, GraphValue> names_;
};

}  // namespace torchstreamer::graph
