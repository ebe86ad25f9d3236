// Operands of an operator whose frames belong together.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

struct ResolvedOperands {
  std::vector<Stream> inputs;  ///< the streams among the arguments, in order
  int64_t block = 1;           ///< input frames for each output frame of a view
};

/// Prepares the arguments of an operator over streams: sizes and tensors that depend on the length
/// of the signal become constants and streams, views get their sizes, and with Padding::kValid
/// streams are aligned. Refuses streams of different length.
ResolvedOperands resolve_operands(Call& call);

}  // namespace torchstreamer::graph
