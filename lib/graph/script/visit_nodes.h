// Visits of all nodes of a graph.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::graph {

/// Calls `visit` for each node of a block and of the blocks inside, those inside a node first. The
/// visitor may destroy the node.
template <typename Visitor>
void visit_nodes(torch::jit::Block* block, const Visitor& visit) {
  for (auto node = block->nodes().begin(); node != block->nodes().end();) {
    torch::jit::Node* const current = *node++;
    for (torch::jit::Block* inner : current->blocks()) visit_nodes(inner, visit);
    visit(current);
  }
}

/// The same for nodes that are not changed.
template <typename Visitor>
void visit_nodes(const torch::jit::Block* block, const Visitor& visit) {
  for (const torch::jit::Node* node : block->nodes()) {
    for (const torch::jit::Block* inner : node->blocks()) visit_nodes(inner, visit);
    visit(node);
  }
}

}  // namespace torchstreamer::graph
