// Nodes of traced models.
#pragma once

#include <string>

#include "graph/plan/refusal.h"

namespace torch::jit {
struct Graph;
}

namespace torchstreamer::graph {

/// Returns true if the node, or a node of the graph, was recorded by torch.jit.trace(). Traced
/// models contain sizes of their example signal.
bool is_traced(const Node* node);
bool is_traced(const torch::jit::Graph& graph);

/// Returns the remedy for a size at the node that fits only one length of the signal.
std::string length_advice(const Node* node);

}  // namespace torchstreamer::graph
