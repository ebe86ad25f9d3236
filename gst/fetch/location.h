// Locations of models.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns true if `location` is an http:// or https:// URI. All other locations are local files.
bool is_remote(const std::string& location);

/// Returns `location` without user, password, query and fragment, for messages and logs.
std::string printable_location(const std::string& location);

}  // namespace torchstreamer
