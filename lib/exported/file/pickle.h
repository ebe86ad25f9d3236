// Dictionaries of tensors as torch.save() pickles them.
#pragma once

#include <map>
#include <string>

#include "exported/file/stored_tensor.h"

namespace torchstreamer::exported {

/// Returns the tensors of a pickled dictionary by their keys. Values of other types are left out.
/// Nothing is executed: only the opcodes and functions that torch.save() uses for tensors are
/// known. Throws Error for everything else.
/// Opcodes: Python, Lib/pickletools.py, protocol 2.
std::map<std::string, StoredTensor> pickled_tensors(const std::string& pickle);

}  // namespace torchstreamer::exported
