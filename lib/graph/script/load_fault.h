// Errors of libtorch's reader, explained to users.
#pragma once

#include <exception>
#include <string>

namespace torchstreamer::graph {

/// Returns what is wrong with a file that libtorch could not read, as a clause without a subject:
/// the operator that this libtorch does not have or whose arguments it does not accept, and the
/// line of the model; otherwise libtorch's message. Called while handling `e`.
std::string load_fault(const std::exception& e);

}  // namespace torchstreamer::graph
