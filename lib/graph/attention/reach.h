// Search for the window of keys that a query of attention depends on.
#pragma once

#include "graph/attention/tables.h"
#include "streams/attention.h"

namespace torchstreamer::graph {

constexpr char kUnboundedMemory[] =
    "its memory would grow with the signal; bound the attention to a window, or set "
    "max-memory-frames to the length of the longest signal";

/// The keys with a weight other than zero for a query.
struct KeyWindow {
  int64_t frames = 0;  ///< number of frames in the successful trial
  Tables tables;       ///< tables for this number of frames
  AttentionReach reach;
  bool is_unbounded = false;  ///< all earlier keys, as many as the memory of the plan holds

  int64_t period() const { return static_cast<int64_t>(reach.size()); }
  /// Returns the hull of the windows of all phases.
  Span widest() const;
};

/// Tries increasing numbers of frames until the window is clearly inside them. `dtype`: type of the
/// computation. Attention over all earlier keys gets the memory of the plan, if there is one;
/// otherwise attention without a bounded window is refused.
KeyWindow searched(const Call& call, const Scores& weights, at::ScalarType dtype);

}  // namespace torchstreamer::graph
