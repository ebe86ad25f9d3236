// Trying a module that does not say what it takes.
#pragma once

#include <torch/nn/module.h>

#include <functional>

#include "layer.h"

namespace torchstreamer {

/// The first format, of those that the sizes of the module's weights make likely, for which `works`
/// does not throw. Throws the last error as Error where there is none.
Format probed_format(const torch::nn::Module& module,
                     const std::function<void(const Format&)>& works);

/// `[1, C, frames]` of the format, not constant, the same at every call. The process-wide random
/// generator stays as it is.
Tensor probe_signal(const Format& format, int64_t frames);

/// What a caught exception says, without libtorch's stack trace.
std::string message_of(const std::exception& e);

}  // namespace torchstreamer
