// Libraries of our own that are mapped when they are first needed.
#pragma once

#include <string>

namespace torchstreamer {

/// `symbol` of the library `soname`, which stays mapped: what it brings along does not survive
/// being unloaded. Throws ElementError where it cannot be mapped, and says then `where` it belongs,
/// or where it has no such symbol.
void* find_symbol(const std::string& soname, const char* symbol, const std::string& where);

}  // namespace torchstreamer
