// Libraries of torchstreamer that are mapped when they are first needed.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns `symbol` of the library `soname`. The library stays mapped, because libraries that it
/// depends on do not survive being unloaded. Throws ElementError if it cannot be mapped, with
/// `advice` in the text, or if it has no such symbol.
void* find_symbol(const std::string& soname, const char* symbol, const std::string& advice);

}  // namespace torchstreamer
