// The window of keys that a query of attention sees, found by trying.
#pragma once

#include "graph/attention/tables.h"
#include "streams/attention.h"

namespace torchstreamer::graph {

constexpr char kUnboundedMemory[] =
    "its memory would grow with the signal; bound the attention to a window";

/// The keys whose weight for a query is not zero.
struct KeyWindow {
  int64_t frames = 0;  ///< number of tried frames
  Tables tables;       ///< for this number of frames
  AttentionReach reach;

  int64_t period() const { return static_cast<int64_t>(reach.size()); }
  /// The hull of the windows of all phases.
  Span widest() const;
};

/// Tries more and more frames until the window lies clearly inside. `dtype`: type of the
/// computation. Refuses attention without a window.
KeyWindow searched(const Call& call, const Scores& weights, at::ScalarType dtype);

}  // namespace torchstreamer::graph
