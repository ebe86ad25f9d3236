// Operators that only move samples.
#pragma once

#include "graph/lowering/lowering.h"

namespace torchstreamer::graph {

/// Whether the operator of this name, without "aten::", only moves samples.
bool moves_samples(const std::string& name);

/// The computation of such an operator, found by numbering the samples of its inputs: Identity,
/// Rearrangement or a constant frame; std::monostate if its output has other samples.
Computation rearrangement(const PointwiseProcess& process);

}  // namespace torchstreamer::graph
