// Lists, tuples and dictionaries of the graph, whose items may be of any kind.
#pragma once

#include <optional>

#include "graph/evaluate/heap.h"

namespace torchstreamer::graph {

/// A node with the objects that it uses, the first of which is a list, a tuple or a dictionary.
struct Use {
  Node* node;
  std::vector<Object> operands;
  const Heap& heap;
  Lengths& lengths;

  /// Returns Python's index, which counts from the end if it is negative. Refuses one that is out
  /// of range.
  size_t index(size_t operand, size_t size) const;
  /// Returns operand `i`, an integer. None if it is missing or None.
  std::optional<int64_t> integer(size_t i) const;
  [[noreturn]] void refuse(const std::string& reason) const { throw refusal(node, reason); }
};

/// The results of a node; none if it has no rule.
using Results = std::optional<std::vector<Object>>;

Results list_operation(const Use& use, Items& items);
Results dict_operation(const Use& use, Entries& entries);

/// The results of a node on a list or a dictionary, which it may change; none if operand 0 is
/// neither, or if libtorch computes the node. Throws Refusal.
Results collection_operation(const Use& use);

}  // namespace torchstreamer::graph
