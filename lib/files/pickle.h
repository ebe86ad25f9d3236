// Pickles of Python.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns the class of the object that a pickle contains, as "module.Class", read off the first
/// bytes of the pickle. Empty for a dictionary and for other values.
std::string pickled_class(const std::string& pickle);

}  // namespace torchstreamer
