// How far a query of attention sees, found by trying.
#pragma once

#include "graph/attention/tables.h"
#include "streams/attention.h"

namespace torchstreamer::graph {

constexpr char kUnboundedMemory[] =
    "its memory would grow with the signal; bound the attention to a window";

/// The keys that have a weight for a query.
struct KeyWindow {
  int64_t frames = 0;  ///< among which it was found
  Tables tables;       ///< for so many frames
  AttentionReach reach;

  int64_t period() const { return static_cast<int64_t>(reach.size()); }
  /// What the reaches of all phases span.
  Span widest() const;
};

/// Searches among more and more frames until the window lies clearly inside. `dtype`: what is
/// computed in. Refuses where there is no window.
KeyWindow searched(const Call& call, const Scores& weights, at::ScalarType dtype);

}  // namespace torchstreamer::graph
