// Operators that only move samples.
#pragma once

#include "graph/lowering/lowering.h"

namespace torchstreamer::graph {

/// Returns true if the operator of this name, without "aten::", only moves samples.
bool moves_samples(const std::string& name);

/// Returns the computation of such an operator: Identity, Rearrangement or a constant frame;
/// std::monostate if its output contains other samples. The samples of the inputs are numbered to
/// find it.
Computation rearrangement(const PointwiseProcess& process);

}  // namespace torchstreamer::graph
