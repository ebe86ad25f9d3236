// Conversion of operators that are linear in the signal to convolutions.
#pragma once

#include "graph/lowering/lowering.h"
#include "network/layer.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {

/// Returns the convolution that equals the linear rule of `window` for frames of the format `in`,
/// measured with impulses. Its channels are the samples of a frame; a complex sample is two
/// channels. Returns std::monostate if it has too many weights or if the operator itself is faster.
Computation linear_window(const WindowOptions& window, const Format& in);

/// The same for a linear rule of an overlap-add.
Computation linear_overlap(const OverlapAddOptions& overlap, const Format& in);

}  // namespace torchstreamer::graph
