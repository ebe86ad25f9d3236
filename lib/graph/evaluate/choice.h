// Results of a branch whose condition depends on the length of the signal.
#pragma once

#include <map>

#include "graph/evaluate/heap.h"

namespace torchstreamer::graph {

/// A condition that holds for some lengths of the signal, with the signals that are padded for
/// those only. A padding of a varying number of frames replaces a padding in a branch.
class Choice {
 public:
  Choice(const Heap& heap, Lengths& lengths, Node* branch, SymbolPtr condition)
      : heap_(heap), lengths_(lengths), branch_(branch), condition_(std::move(condition)) {}

  /// Returns the result of a padding that runs only if the condition is `holds`.
  Object padded(Node* node, std::vector<Object> operands, bool holds);

  /// Returns `yes` for the lengths for which the condition holds and `no` for the others. Refuses
  /// the branch if both are streams and neither is the other one with a padding.
  Object merged(const Object& yes, const Object& no, const c10::TypePtr& type) const;

  /// The same for two values.
  Value selected(const Value& yes, const Value& no, const c10::TypePtr& type) const;

 private:
  const Heap& heap_;
  Lengths& lengths_;
  Node* branch_;
  SymbolPtr condition_;
  std::map<const Memory*, MemoryPtr> unpadded_;  // of the results of padded()
};

/// Returns the node that raises an exception whenever the block runs; null if there is none.
const Node* raise_in(const torch::jit::Block* block);

/// Returns true for a node that computes a boolean from booleans and has no effects: `not`, and the
/// branches that `and` and `or` compile to.
bool is_logical(const Node* node);

/// Returns true for an operator that pads by the numbers of frames in its argument 1.
bool is_padding(const Node* node);

/// Returns true if the node changes an object, or has blocks that may change one.
bool has_effects(const Node* node);

/// Returns true if the block changes no object and, other than with paddings, computes no tensor:
/// then it may also be evaluated for lengths for which it does not run.
bool is_pure(const torch::jit::Block* block);

}  // namespace torchstreamer::graph
