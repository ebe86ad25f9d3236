// Methods that may take several windows in one call.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::blocks {

/// Returns true for an operator that computes a number from the values of a tensor, not only from
/// its shape or type.
bool reads_tensor(const torch::jit::Node* node);

/// Returns false if the graph may compute one window of a batch from a different one in a way that
/// trials with noise do not show: it reads a value of a tensor as a number, such as `if x.max() >
/// 0.5`, or it writes to an argument other than the signal, which would keep a state between calls.
/// `signal`: index of the signal among the inputs of the graph.
bool has_independent_rows(const torch::jit::Graph& graph, size_t signal);

}  // namespace torchstreamer::blocks
