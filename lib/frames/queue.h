// The queue of frames of windows and joins.
#pragma once

#include "support/tensor.h"

namespace torchstreamer {

/// A first-in, first-out queue of frames. Frames that are dropped before they arrive are a debt and
/// dropped on arrival (a stride longer than its kernel).
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
  /// The oldest `frames` frames: `[frames, ...]`.
  Tensor view(int64_t frames) const { return held_.narrow(0, 0, frames); }
  void drop(int64_t frames);
  /// view() and drop() of the oldest `frames` frames; undefined for none.
  Tensor take(int64_t frames);

 private:
  Tensor held_;
  int64_t debt_frames_ = 0;
};

}  // namespace torchstreamer
