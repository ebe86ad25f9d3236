// Arithmetic of Python on lengths.
#pragma once

#include <optional>

#include "exported/graph/call.h"

namespace torchstreamer::exported {

/// Adds a node whose target is a function of Python ("_operator.floordiv", "math.ceil",
/// "torch.sym_max") or an assertion about lengths. Returns none for other targets.
std::optional<Values> add_scalar(const Call& call);

/// Adds nodes that raise an exception with `text` unless the boolean `condition` is true.
void raise_unless(Graph& graph, Value* condition, const std::string& text);

}  // namespace torchstreamer::exported
