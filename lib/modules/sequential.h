// Chains of modules.
#pragma once

#include "torchstreamer/modules.h"

namespace torchstreamer {

/// Whether `module` is a subclass of torch::nn::Sequential whose forward() gives the same result as
/// that of Sequential, tried with noise.
bool is_sequential(const torch::nn::AnyModule& module);

}  // namespace torchstreamer
