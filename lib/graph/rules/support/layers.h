// Functions that add layers to the plan.
#pragma once

#include "graph/plan/call.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {

/// Adds a layer over `x` and returns its output, with the time axis at `axis`. The output's shift
/// (see Stream::shift) follows from the layer's rate. Refuses inputs that the layer does not
/// accept.
Stream add_layer(const Call& call, LayerPtr layer, const Stream& x, int axis);
/// The same with the time axis of `x`.
Stream add_layer(const Call& call, LayerPtr layer, const Stream& x);

/// Refuses windows of more frames than the memory of a stream may have. Layers allocate a window to
/// find the format of their output.
void require_window(const Call& call, int64_t frames);

/// Adds a windowed layer whose rule is linear in the frames, apart from a constant. Sets its
/// computation if there is none, so that native execution can run it as a convolution. Refuses the
/// shape of the input if one window of it is too large to be tried.
Stream add_linear_window(const Call& call, WindowOptions window, const Stream& x, int axis);

}  // namespace torchstreamer::graph
