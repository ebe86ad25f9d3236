// Devices of libtorch by name.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace torchstreamer::graph {

/// Returns the device of this name with its index, as in the tensors on it: "cuda" is "cuda:0".
/// Throws OptionError if the device cannot be used.
at::Device usable_device(const std::string& name);

}  // namespace torchstreamer::graph
