#pragma once

#include <map>
#include <typeindex>

#include "torchstreamer/registry.h"

namespace torchstreamer {

/// The modules that the library streams by itself.
std::map<std::type_index, Streamer> built_in_streamers();

}  // namespace torchstreamer
