// Numbers that a graph computes from its arguments.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace torchstreamer::blocks {

/// Returns true if a number is the argument plus or minus a number, also limited or modulo a
/// number: a counter or a phase. The other number is not read from the values of a tensor: a target
/// minus a measured level is not a state. `argument`: an input of the graph.
bool counts_on(const torch::jit::Value* number, const torch::jit::Value* argument);

/// Returns true if the argument may have an effect on the value.
bool depends_on(const torch::jit::Value* value, const torch::jit::Value* argument);

}  // namespace torchstreamer::blocks
