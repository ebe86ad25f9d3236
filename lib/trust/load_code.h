// Code of TorchScript files that runs while they are loaded.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns the fault of a TorchScript file that runs code while libtorch loads it, as a clause
/// without a subject: a method __setstate__, or an object of a C++ class. Empty if there is none.
/// Reads the text of the file and runs nothing. May throw an exception of libtorch.
std::string load_code_fault(const std::string& path);

}  // namespace torchstreamer
