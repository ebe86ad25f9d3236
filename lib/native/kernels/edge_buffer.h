// The frames of an edge of the network, by their index in the signal.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "native/simd/memory.h"

namespace torchstreamer::native {

/// What a producer appends and its consumers read in place: their windows overlap, and each may be
/// ahead of the others. Before frame 0 lie `lead` frames of zeros.
///
///     -lead       0               end()
///     |..zeros..|--frames so far--|
///          ^ begin: the first frame that is still needed
///
/// All frames that are kept are one run of memory. A track moves them to the front of its memory
/// when the end is reached. One that keeps much may instead be a ring of `capacity` frames that
/// lies in memory twice, one copy behind the other, so that what is kept is one run wherever it
/// begins: nothing is ever moved, every push costs the same, but each frame that is kept is written
/// twice.
class Track {
 public:
  /// `memory`: tracks may share it that are never in use at the same time, as long as each has
  /// dropped all of its frames when the next one begins. It must stay where it is.
  Track(int64_t pitch, int64_t lead, bool is_ring, AlignedFloats* memory)
      : pitch_(pitch), is_ring_(is_ring), memory_(memory), begin_(-lead), end_(-lead) {
    mirrored_ = begin_;
    append_zeros(lead);
  }

  /// Room for `frames` frames, so that no memory is asked for later.
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

  /// Room for the next `frames` frames, of which the first `frames` of commit() are there then.
  float* append(int64_t frames) {
    const int64_t kept = end_ - begin_, needed = kept + frames;
    most_frames_ = std::max(most_frames_, needed);
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

  const float* at(int64_t index) const { return frame(start_ + index - begin_); }
  int64_t pitch() const { return pitch_; }

  /// Forgets the frames before `index`.
  void drop_before(int64_t index) {
    const int64_t kept_from = std::clamp(index, begin_, end_);
    start_ += kept_from - begin_;
    begin_ = kept_from;
    if (begin_ == end_) {
      start_ = 0;
    } else if (is_ring_) {
      mirror(std::max(begin_, mirrored_));
      if (start_ >= capacity_) start_ -= capacity_;
    }
    mirrored_ = end_;
    most_kept_frames_ = std::max(most_kept_frames_, end_ - begin_);
  }

  /// The most frames that were there at once, and that were kept from one push to the next.
  int64_t most_frames() const { return most_frames_; }
  int64_t most_kept_frames() const { return most_kept_frames_; }

 private:
  float* frame(int64_t place) const { return memory_->data() + place * pitch_; }
  size_t bytes_of(int64_t frames) const { return frames * pitch_ * sizeof(float); }

  void move_to_front() {
    std::memmove(frame(0), frame(start_), bytes_of(end_ - begin_));
    start_ = 0;
  }

  // The frames from `index` on, into the other copy.
  void mirror(int64_t index) {
    const int64_t from = start_ + index - begin_, to = start_ + end_ - begin_;
    const int64_t middle = std::clamp(capacity_, from, to);
    std::memcpy(frame(from + capacity_), frame(from), bytes_of(middle - from));
    std::memcpy(frame(middle - capacity_), frame(middle), bytes_of(to - middle));
  }

  int64_t pitch_;
  bool is_ring_;
  AlignedFloats* memory_;  // [one or two copies, capacity, pitch]
  int64_t capacity_ = 0;   // frames
  int64_t start_ = 0;      // where begin_ lies
  int64_t begin_, end_;
  int64_t mirrored_;  // frames before this one lie in both copies
  int64_t most_frames_ = 0, most_kept_frames_ = 0;
};

}  // namespace torchstreamer::native
