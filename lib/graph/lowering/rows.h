// The tables of what operators compute.
#pragma once

#include <map>
#include <string>

#include "graph/lowering/operands.h"

namespace torchstreamer::graph {

/// Returns the computation of an operator. Returns std::monostate or throws for arguments that it
/// cannot express.
using Lowering = Computation (*)(const Operands&);
/// By the name of the operator, without "aten::" and without the "_" of operators in place.
using Lowerings = std::map<std::string, Lowering>;

/// functions.cpp. Every output sample is computed from one sample of each operand.
const Lowerings& function_lowerings();
/// frames.cpp. Every output frame is computed from one frame of the signal.
const Lowerings& frame_lowerings();
/// complex.cpp. One of the operands, or the output, is complex: pairs of floats.
const Lowerings& complex_lowerings();

/// frames.cpp. The operator is linear in the one stream among its arguments.
Computation linear_map(const Operands& o);

}  // namespace torchstreamer::graph
