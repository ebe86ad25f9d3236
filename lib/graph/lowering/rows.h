// Tables of the computations of operators.
#pragma once

#include <map>
#include <string>

#include "graph/lowering/operands.h"

namespace torchstreamer::graph {

/// Returns the computation of an operator. Returns std::monostate or throws for arguments that it
/// cannot express.
using Lowering = Computation (*)(const Operands&);
/// Computations by the name of the operator, without "aten::" and without the "_" of operators in
/// place.
using Lowerings = std::map<std::string, Lowering>;

/// Operators that compute every output sample from one sample of each operand. See functions.cpp.
const Lowerings& function_lowerings();
/// Operators that compute every output frame from one frame of the signal. See frames.cpp.
const Lowerings& frame_lowerings();
/// Operators with a complex operand or output; complex numbers are pairs of floats. See
/// complex.cpp.
const Lowerings& complex_lowerings();

/// Returns the computation of an operator that is linear in the only stream among its arguments.
/// See frames.cpp.
Computation linear_map(const Operands& o);

}  // namespace torchstreamer::graph
