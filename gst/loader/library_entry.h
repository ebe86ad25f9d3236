// The entry of libtorchstreamer. The library and libtorch are mapped when the first model is
// loaded, not together with the plugin.
#pragma once

#include "torchstreamer/load.h"

namespace torchstreamer {

using LoadModel = decltype(&torchstreamer_load_model);

/// Maps the library and returns its entry. The library stays mapped, because libtorch cannot be
/// unloaded. Throws ElementError if the library cannot be mapped.
LoadModel find_load_model();

}  // namespace torchstreamer
