// Replaces operators that write to their arguments by operators that return new tensors, because
// the rules compute results, and arithmetic by the operator that torch.export has decomposed. The
// writes that remain are copy_() and those to tensors that other operators read.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace torchstreamer::graph {

/// Returns a copy of the graph with these replacements in all blocks:
/// - `torch.add(x, y, out=z)` becomes `z.copy_(torch.add(x, y))`; if `z` is new,
///   `torch.add(x, y).to(z.dtype)`.
/// - `y.relu_()` becomes `torch.relu(y)` if no other operator reads the memory of `y`, for all
///   operators of one tensor that have both forms.
/// - Sums of frames before and after fractional positions become `torch.upsample_linear1d()`.
///
/// Operators without such a form stay. The copy may accept more than the graph: PyTorch resizes an
/// argument `out` of a different shape, and rejects one of a different type.
std::shared_ptr<torch::jit::Graph> with_functional_forms(torch::jit::Graph& graph);

}  // namespace torchstreamer::graph
