// Chains of modules.
#pragma once

#include "torchstreamer/modules.h"

namespace torchstreamer {

/// Returns true if `module` is a subclass of torch::nn::Sequential whose forward() gives the same
/// output for noise as that of Sequential.
bool is_sequential(const torch::nn::AnyModule& module);

}  // namespace torchstreamer
