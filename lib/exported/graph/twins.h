// Core ATen operators as operators that TorchScript models use.
#pragma once

#include <optional>

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds the operators of TorchScript models that compute the same as a core ATen operator, which
/// run_decompositions() has made of them, or that libtorch 1.13 lacks. None for other operators.
std::optional<Values> add_twin(const Call& call);

}  // namespace torchstreamer::exported
