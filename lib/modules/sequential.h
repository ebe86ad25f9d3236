#pragma once

#include "torchstreamer/modules.h"

namespace torchstreamer {

/// Whether `module` is a subclass of torch::nn::Sequential whose forward() does what Sequential's
/// does, as far as random data tell.
bool is_sequential(const torch::nn::AnyModule& module);

}  // namespace torchstreamer
