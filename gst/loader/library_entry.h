// The bridge to libtorchstreamer, and so to libtorch: mapped when a model is first loaded, not when
// the plugin is.
#pragma once

#include "torchstreamer/load.h"

namespace torchstreamer {

using LoadModel = decltype(&torchstreamer_load_model);

/// The library's entry. Throws ElementError where the library cannot be mapped. Once mapped it
/// stays: libtorch does not survive being unloaded.
LoadModel find_load_model();

}  // namespace torchstreamer
