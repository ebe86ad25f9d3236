// Operators that are linear in the signal, and the weights of the convolutions that they are.
#pragma once

#include "graph/lowering/lowering.h"
#include "network/layer.h"
#include "streams/windowed.h"

namespace torchstreamer::graph {

/// What a linear `rule` of window_layer() does to frames of the format `in`, found out by impulses:
/// a convolution, whose channels are the samples of a frame and the parts of complex ones.
/// std::monostate where its weights would be too many, or the operator itself is faster.
Arithmetic linear_window(const FramesRule& rule, const Format& in, int64_t kernel_frames,
                         int64_t stride_frames);

/// The same for a linear `rule` of overlap_add_layer().
Arithmetic linear_overlap(const FramesRule& rule, const Format& in, int64_t kernel_frames,
                          int64_t stride_frames);

}  // namespace torchstreamer::graph
