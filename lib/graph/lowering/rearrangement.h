// Operators that put samples to other places, and where they put them.
#pragma once

#include "graph/lowering/lowering.h"

namespace torchstreamer::graph {

/// Whether the operator of this name, without "aten::", does nothing else.
bool moves_samples(const std::string& name);

/// What such an operator does, found out by numbering the samples of its inputs: Identity,
/// Rearrangement or a frame that is always the same; std::monostate where other samples are among
/// them.
Computation rearrangement(const PointwiseProcess& process);

}  // namespace torchstreamer::graph
