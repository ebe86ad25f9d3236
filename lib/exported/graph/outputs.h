// Structure of the value that a program returns.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "exported/graph/builder.h"

namespace torchstreamer::exported {

/// Returns the tensors and numbers that the program returns as the value that the Python module
/// returned: tuples, lists and dictionaries. A list or dictionary of different types becomes a
/// tuple. `spec`: its structure, as torch.utils._pytree.treespec_dumps() writes it; empty: one
/// value, or a tuple.
Value* nested_output(Graph& graph, const std::string& spec, const std::vector<Value*>& leaves);

}  // namespace torchstreamer::exported
