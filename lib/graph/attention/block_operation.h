// An operator over attention scores as something to run block by block.
#pragma once

#include <ATen/core/stack.h>

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

/// The operator of a node; independent of the graph.
class BlockOperation {
 public:
  explicit BlockOperation(const Call& call);

  /// Its first result for these arguments: scores are computed for the block, of `tables` its part
  /// is taken, and among sizes the last two lengths become the block's.
  Tensor operator()(const std::vector<Value>& args, const std::vector<PairTable>& tables,
                    const ScoreBlock& block) const;

 private:
  torch::jit::Operation operation_;
  std::vector<c10::TypePtr> types_;
};

}  // namespace torchstreamer::graph
