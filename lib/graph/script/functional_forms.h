// Operators that write to their arguments, as operators that return new tensors. Rules of operators
// know results; of writes they know copy_() and those that change a tensor that is read elsewhere.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::graph {

/// Replaces `torch.add(x, y, out=z)` by `z.copy_(torch.add(x, y))`, in all blocks. Operators
/// without such a form stay.
void replace_out_arguments(torch::jit::Graph& graph);

/// Replaces `y.relu_()` by `torch.relu(y)` if no other operator reads the memory of `y`, for all
/// operators of one tensor that have both forms.
void replace_unread_writes(torch::jit::Graph& graph);

}  // namespace torchstreamer::graph
