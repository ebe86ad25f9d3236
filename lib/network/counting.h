// Frame counts of the edges of a network.
#pragma once

#include "network/network.h"

namespace torchstreamer {

/// The counts of all nodes of a network. Nodes whose counts are always equal, such as a pointwise
/// layer and its input, share one count, which is computed once. After a thread has counted
/// networks of some nesting depth once, it counts networks of at most that depth without
/// allocation.
class Counting {
 public:
  explicit Counting(const std::vector<Network::Node>& nodes = {});
  /// Adds the next node, in topological order.
  void add(const Network::Node& node);

  /// Index of the count of a node, or of Network::kSource, among those of count(). Nodes with the
  /// same index have equal counts at all times.
  int place(int node) const { return node == Network::kSource ? 0 : nodes_[node].place; }

  /// Writes all counts for `source` frames of input to `counts`.
  void count(Count source, std::vector<Count>& counts) const;
  /// Returns the joined counts of the inputs of `node`, given the result of count().
  Count joined(int node, const std::vector<Count>& counts) const;
  /// Returns the count of one node.
  Count of(int node, Count source) const;

 private:
  struct Node {
    LayerPtr layer;
    // Places of the inputs; without duplicates if the layer has no join rule.
    std::vector<int> inputs;
    int place = 0;
  };
  static Count joined(const Node& node, const std::vector<Count>& counts);
  static Count made(const Node& maker, const std::vector<Count>& counts);
  void count_up_to(int place, Count source, std::vector<Count>& counts) const;

  std::vector<Node> nodes_;
  // For each place except that of the source: the node that computes its count.
  std::vector<int> makers_;
};

}  // namespace torchstreamer
