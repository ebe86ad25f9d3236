// An operator over attention scores that is run block by block.
#pragma once

#include <ATen/core/stack.h>

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

/// The operator of a node. Does not keep the graph.
class BlockOperation {
 public:
  explicit BlockOperation(const Call& call);

  /// Returns the first result for these arguments. Scores are computed for the block, `tables` are
  /// cut to the block, and the last two lengths of a list of sizes are replaced by the block's.
  Tensor operator()(const std::vector<Value>& args, const std::vector<PairTable>& tables,
                    const ScoreBlock& block) const;

 private:
  torch::jit::Operation operation_;
  std::vector<c10::TypePtr> types_;
};

}  // namespace torchstreamer::graph
