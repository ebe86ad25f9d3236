// Core ATen operators as operators that TorchScript models use.
#pragma once

#include <optional>

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds the equivalent operators of TorchScript models for a core ATen operator that
/// run_decompositions() made from them, or that libtorch 1.13 does not have. Returns none for other
/// operators.
std::optional<Values> add_twin(const Call& call);

}  // namespace torchstreamer::exported
