// The table of modules and their streams.
#pragma once

#include <map>
#include <typeindex>

#include "torchstreamer/registry.h"

namespace torchstreamer {

/// The streamers of the modules that the library supports.
std::map<std::type_index, Streamer> built_in_streamers();

}  // namespace torchstreamer
