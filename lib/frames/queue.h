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
  int64_t held_bytes() const { return bytes_of(memory_); }
  int64_t frames() const { return end_ - begin_; }
  /// Returns the oldest `frames` frames, `[frames, ...]`.
  Tensor view(int64_t frames) const { return memory_.narrow(0, begin_, frames); }
  void drop(int64_t frames);
  /// Returns and drops the oldest `frames` frames; returns an undefined tensor for 0.
  Tensor take(int64_t frames);

 private:
  // Moves the frames to memory with room for at least `added` more.
  void grow(int64_t added);

  Tensor memory_;  // the queue is [begin_, end_)
  int64_t begin_ = 0, end_ = 0;
  int64_t drop_on_arrival_frames_ = 0;
};

}  // namespace torchstreamer
