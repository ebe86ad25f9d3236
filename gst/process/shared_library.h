// Libraries of torchstreamer that are mapped when they are first needed.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns `symbol` of the library `soname`. The library stays mapped, because some of the
/// libraries that it depends on cannot be unloaded. Throws ElementError if the library cannot be
/// mapped, with `advice` in the text, or if it does not have the symbol.
void* find_symbol(const std::string& soname, const char* symbol, const std::string& advice);

}  // namespace torchstreamer
