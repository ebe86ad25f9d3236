// Tensors without values.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::graph {

/// Replaces empty(), empty_like() and new_empty() by zeros: a model writes to such a tensor before
/// it reads it, and the values until then are random otherwise.
void fill_empty_tensors(torch::jit::Graph& graph);

}  // namespace torchstreamer::graph
