// The frames of one edge of a network, in memory.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "native/simd/memory.h"

namespace torchstreamer::native {

/// The frames of one edge, accessed by their index in the signal. A producer appends frames;
/// consumers read them in place. The windows of consumers may overlap, and consumers may be at
/// different positions. The signal starts with `lead` frames of zeros, at negative indices.
///
///     -lead        0                    end_
///       |..zeros..|---------------------|
///                        |<---- kept --->|
///                      begin_: the first frame that a consumer still needs
///
/// (1) append() returns the memory after the kept frames, commit() adds them.
/// (2) drop_before() advances begin_ and start_, the position of begin_ in memory.
///
/// Kept frames are always contiguous. There are two kinds of buffers. A linear buffer is for edges
/// that keep few frames:
///
///     |    dropped    |==== kept ====|    free    |
///     0             start_                    capacity_
///
/// (3) If there is no room for an append(), the kept frames move to the front.
///
/// A ring is for edges that keep many frames. The memory contains two copies of it. No frames are
/// moved and every push takes the same time, but each kept frame is written twice:
///
///     |        first copy        |        second copy        |
///     0             |====== kept ====|                  2 * capacity_
///                 start_      capacity_
///
/// (4) drop_before() copies the newly appended frames that are kept to the other copy.
/// (5) If start_ reaches the second copy, it continues at the same frame of the first one.
class EdgeBuffer {
 public:
  /// `pitch`: floats from one frame to the next. `memory` must not move. Buffers may share it if
  /// they are never in use at the same time: nothing reads the frames of one buffer after another
  /// one has called append().
  EdgeBuffer(int64_t pitch, int64_t lead, bool is_ring, AlignedFloats* memory)
      : pitch_(pitch), is_ring_(is_ring), memory_(memory), begin_(-lead), end_(-lead) {
    mirrored_ = begin_;
    append_zeros(lead);
  }

  /// Allocates memory for `frames` frames, so that append() does not allocate.
  void reserve(int64_t frames) {
    if (frames <= capacity_) return;
    capacity_ = frames;
    const int64_t floats = (is_ring_ ? 2 : 1) * frames * pitch_;
    if (!is_ring_ && floats <= static_cast<int64_t>(memory_->size())) return;  // shared
    const AlignedFloats before = std::exchange(*memory_, AlignedFloats(floats));
    if (const int64_t kept = end_ - begin_)
      std::memcpy(memory_->data(), before.data() + start_ * pitch_, bytes_of(kept));
    start_ = 0;
    mirrored_ = begin_;
  }

  /// (1) Returns memory for the next `frames` frames. commit() adds some or all of them.
  float* append(int64_t frames) {
    const int64_t kept = end_ - begin_, needed = kept + frames;
    max_frames_ = std::max(max_frames_, needed);
    if (needed > capacity_) reserve(needed + needed / 8);
    if (!is_ring_ && start_ + needed > capacity_) move_to_front();
    return frame(start_ + kept);
  }
  void commit(int64_t frames) { end_ += frames; }
  void append_zeros(int64_t frames) {
    if (frames == 0) return;
    std::memset(append(frames), 0, bytes_of(frames));
    commit(frames);
  }

  /// Returns the kept frame with this index.
  const float* at(int64_t index) const { return frame(start_ + index - begin_); }
  int64_t pitch() const { return pitch_; }

  /// (2) Drops the frames before `index`. Called once after every step or block.
  void drop_before(int64_t index) {
    const int64_t kept_from = std::clamp(index, begin_, end_);
    start_ += kept_from - begin_;
    begin_ = kept_from;
    if (begin_ == end_) {
      start_ = 0;
    } else if (is_ring_) {
      mirror(std::max(begin_, mirrored_));
      if (start_ >= capacity_) start_ -= capacity_;  // (5)
    }
    mirrored_ = end_;
    max_kept_frames_ = std::max(max_kept_frames_, end_ - begin_);
  }

  /// Maximum number of frames in the buffer, and of frames kept from one step or block to the next.
  int64_t max_frames() const { return max_frames_; }
  int64_t max_kept_frames() const { return max_kept_frames_; }

 private:
  float* frame(int64_t position) const { return memory_->data() + position * pitch_; }
  size_t bytes_of(int64_t frames) const { return frames * pitch_ * sizeof(float); }

  // (3)
  void move_to_front() {
    std::memmove(frame(0), frame(start_), bytes_of(end_ - begin_));
    start_ = 0;
  }

  // (4) Copies the frames from `index` on: those in the first copy to the second, the others to the
  // first.
  void mirror(int64_t index) {
    const int64_t from = start_ + index - begin_, to = start_ + end_ - begin_;
    const int64_t middle = std::clamp(capacity_, from, to);
    std::memcpy(frame(from + capacity_), frame(from), bytes_of(middle - from));
    std::memcpy(frame(middle - capacity_), frame(middle), bytes_of(to - middle));
  }

  int64_t pitch_;
  bool is_ring_;
  AlignedFloats* memory_;  // [capacity, pitch], or [2, capacity, pitch] of a ring
  int64_t capacity_ = 0;   // capacity in frames
  int64_t start_ = 0;      // position of frame begin_ in memory
  int64_t begin_, end_;
  int64_t mirrored_;  // frames before this index are in both copies
  int64_t max_frames_ = 0, max_kept_frames_ = 0;
};

}  // namespace torchstreamer::native
