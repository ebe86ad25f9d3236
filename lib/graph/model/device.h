// Devices of libtorch by name.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace torchstreamer::graph {

/// Returns the device of this name with its index ("cuda" is "cuda:0"), as its tensors name it.
/// Throws OptionError if nothing can run on it.
at::Device usable_device(const std::string& name);

}  // namespace torchstreamer::graph
