// How many frames the edges of a network have carried.
#pragma once

#include "network/network.h"

namespace torchstreamer {

/// The counts of all nodes of a network. Nodes that have always made as many frames as each other,
/// as what is pointwise has as many as its input, share one count, which is made once. Counting
/// takes no memory, once a thread has counted as deep a nest of networks.
class Counting {
 public:
  explicit Counting(const std::vector<Network::Node>& nodes = {});
  /// The next node, in topological order.
  void add(const Network::Node& node);

  /// Where the count of a node, or of Network::kSource, stands among those of count(). What is
  /// equal here has equal counts at all times.
  int place(int node) const { return node == Network::kSource ? 0 : nodes_[node].place; }

  /// All counts for these of the source, into `counts`.
  void count(Count source, std::vector<Count>& counts) const;
  /// The counts of the inputs of `node`, together, given what count() found.
  Count joined(int node, const std::vector<Count>& counts) const;
  /// The counts of one node alone.
  Count of(int node, Count source) const;

 private:
  struct Node {
    LayerPtr layer;
    std::vector<int> inputs;  // places, each once where no join of the layer's own reads them
    int place = 0;
  };
  static Count joined(const Node& node, const std::vector<Count>& counts);
  static Count made(const Node& maker, const std::vector<Count>& counts);
  void count_up_to(int place, Count source, std::vector<Count>& counts) const;

  std::vector<Node> nodes_;
  std::vector<int> makers_;  // the node that makes the count of each place but the source's
};

}  // namespace torchstreamer
