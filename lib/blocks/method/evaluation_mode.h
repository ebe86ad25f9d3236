// Models that were saved in training mode.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace torchstreamer::blocks {

/// Throws Error if a call would change the running statistics of a BatchNorm or InstanceNorm, which
/// all streams of the model share.
void require_fixed_statistics(const torch::jit::Module& module, const torch::jit::Graph& graph);

}  // namespace torchstreamer::blocks
