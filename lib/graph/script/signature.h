// Methods of a TorchScript module as a user knows them.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace torchstreamer::graph {

/// Throws Refusal unless the module has a method forward() that can be called with one argument,
/// the signal. The refusal lists the methods with their signatures.
void require_signal_argument(const torch::jit::Module& module);

}  // namespace torchstreamer::graph
