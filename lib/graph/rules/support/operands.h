// Preparation of the operands of an operator.
#pragma once

#include <vector>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

struct ResolvedOperands {
  std::vector<Stream> inputs;  ///< the streams among the arguments, in order
  int64_t block = 1;           ///< input frames for each output frame of a view
};

/// Prepares the arguments of an operator over streams. Converts sizes and tensors that depend on
/// the length of the signal to constants and streams, resolves the sizes of views, and aligns
/// streams with Padding::kValid. Refuses streams of different lengths.
ResolvedOperands resolve_operands(Call& call);

}  // namespace torchstreamer::graph
