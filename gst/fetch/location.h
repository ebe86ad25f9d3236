// Where a model is.
#pragma once

#include <string>

namespace torchstreamer {

/// Whether `location` is an http:// or https:// URI. Others are local files: fetching them takes no
/// longer than reading them.
bool is_remote(const std::string& location);

/// `location` as messages and logs may name it: without user, password, query and fragment.
std::string printable_location(const std::string& location);

}  // namespace torchstreamer
