// The entry of libtorchstreamer, which is mapped, with libtorch, when the first model is loaded,
// not with the plugin.
#pragma once

#include "torchstreamer/load.h"

namespace torchstreamer {

using LoadModel = decltype(&torchstreamer_load_model);

/// Maps the library and returns its entry. It stays mapped, because libtorch cannot be unloaded.
/// Throws ElementError if the library cannot be mapped.
LoadModel find_load_model();

}  // namespace torchstreamer
