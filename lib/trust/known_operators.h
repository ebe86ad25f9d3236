// The operators that LoadOptions::trust accepts.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace torchstreamer {

/// Advice for a file that Trust::kOperators refuses.
constexpr char kSetTrust[] = "set trust=program if you trust the file";

/// Throws Refusal for the first operator of a graph that Trust::kOperators does not accept.
/// Examines all methods, functions and hooks that the file of the module contains. Runs none of
/// them.
void require_known_operators(const torch::jit::Module& module);

}  // namespace torchstreamer
