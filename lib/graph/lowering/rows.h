// Operators and what they compute.
#pragma once

#include <map>
#include <string>

#include "graph/lowering/operands.h"

namespace torchstreamer::graph {

/// std::monostate, or an exception: these arguments are not known here.
using Row = Computation (*)(const Operands&);
/// By the name of the operator, without "aten::" and without the "_" of those in place.
using Rows = std::map<std::string, Row>;

/// functions.cpp. Every sample of the output from one of each operand.
const Rows& function_rows();
/// frames.cpp. Every frame of the output from one of the signal.
const Rows& frame_rows();
/// complex.cpp. Where one of the operands, or the output, is complex: pairs of floats.
const Rows& complex_rows();

/// frames.cpp. The operator is linear in the one stream among its arguments.
Computation linear_map(const Operands& o);

}  // namespace torchstreamer::graph
