// Checks for models that were scripted in training mode.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Refuses active dropout. `training`, `probability`: indices of the arguments.
inline void require_no_dropout(const Call& call, size_t training, size_t probability) {
  if (call.boolean(training) && call.constant(probability).toDouble() > 0)
    call.refuse("dropout in training mode is random; call eval() before scripting");
}

}  // namespace torchstreamer::graph
