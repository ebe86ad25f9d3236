// The queue of frames that windows and joins use.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// A first-in, first-out queue of frames. Frames may be dropped before they arrive, for a stride
/// longer than its kernel; they are then dropped on arrival.
///
///            first                first + n
///   ┌──────────┬──────────────────────┬────────┐
///   │ dropped  │         view         │        │ <- append
///   └──────────┴──────────────────────┴────────┘
class TensorQueue {
 public:
  /// `x`: `[frames, ...]`; undefined adds nothing.
  void append(Tensor x);
  int64_t held_bytes() const { return bytes_of(held_); }
  int64_t frames() const { return held_.defined() ? held_.size(0) : 0; }
  /// Returns the oldest `frames` frames, `[frames, ...]`.
  Tensor view(int64_t frames) const { return held_.narrow(0, 0, frames); }
  void drop(int64_t frames);
  /// Returns and drops the oldest `frames` frames; returns an undefined tensor for 0.
  Tensor take(int64_t frames);

 private:
  Tensor held_;
  int64_t drop_on_arrival_frames_ = 0;
};

}  // namespace torchstreamer
