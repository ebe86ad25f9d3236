// An operator over attention scores that is run block by block.
#pragma once

#include <ATen/core/stack.h>

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

/// The operator of a node. Does not refer to the graph after construction.
class BlockOperation {
 public:
  explicit BlockOperation(const Call& call);

  /// Returns the first result for these arguments. Computes the scores for the block, cuts `tables`
  /// to the block, and replaces the last two lengths in a list of sizes by those of the block.
  Tensor operator()(const std::vector<Value>& args, const std::vector<PairTable>& tables,
                    const ScoreBlock& block) const;

 private:
  torch::jit::Operation operation_;
  std::vector<c10::TypePtr> types_;
};

}  // namespace torchstreamer::graph
