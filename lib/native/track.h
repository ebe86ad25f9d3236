// The frames of an edge of the network, by their index in the signal.
#pragma once

#include <algorithm>
#include <cstring>

#include "native/memory.h"

namespace torchstreamer::native {

/// What a producer appends and its consumers read in place: their windows overlap, and each may be
/// ahead of the others. Before frame 0 lie `lead` frames of zeros.
///
///     -lead       0               end()
///     |..zeros..|--frames so far--|
///          ^ first frame that is still needed
///
/// A ring of `capacity` frames that lies in memory twice, one copy behind the other, so that what
/// is kept is one run of memory wherever it begins. Every push costs the same: nothing is ever
/// moved to make room, but each frame is written twice.
class Track {
 public:
  Track(int64_t pitch, int64_t lead) : lead_(lead), pitch_(pitch) { clear(); }

  /// Room for `frames` frames, so that no memory is asked for later.
  void reserve(int64_t frames) {
    if (frames <= capacity_) return;
    AlignedFloats larger(2 * frames * pitch_);
    const int64_t kept = end_ - begin_;
    if (kept) std::memcpy(larger.data(), at(begin_), kept * pitch_ * sizeof(float));
    ring_ = std::move(larger);
    capacity_ = frames;
    start_ = 0;
    mirror(begin_, kept);
  }
  int64_t capacity() const { return capacity_; }

  /// Room for the next `frames` frames, of which the first `frames` of commit() are there then.
  float* append(int64_t frames) {
    const int64_t needed = end_ - begin_ + frames;
    if (needed > capacity_) reserve(needed + needed / 8);
    return const_cast<float*>(at(end_));
  }
  void commit(int64_t frames) {
    end_ += frames;
    mirror(end_ - frames, frames);
  }
  void append_zeros(int64_t frames) {
    if (frames == 0) return;
    std::memset(append(frames), 0, frames * pitch_ * sizeof(float));
    commit(frames);
  }

  const float* at(int64_t index) const { return ring_.data() + place(index) * pitch_; }
  int64_t pitch() const { return pitch_; }
  int64_t end() const { return end_; }
  int64_t bytes() const { return static_cast<int64_t>(ring_.size() * sizeof(float)); }

  /// Forgets the frames before `index`.
  void drop_before(int64_t index) {
    const int64_t kept_from = std::clamp(index, begin_, end_);
    start_ = place(kept_from);
    begin_ = kept_from;
  }

  void clear() {
    begin_ = end_ = -lead_;
    start_ = 0;
    append_zeros(lead_);
  }

 private:
  // In the first copy, for frames from begin_ to end_, which may be a whole ring away.
  int64_t place(int64_t index) const {
    const int64_t place = start_ + (index - begin_);
    return place < capacity_ ? place : place - capacity_;
  }

  // What was written from the first copy on, into the other one.
  void mirror(int64_t index, int64_t frames) {
    const int64_t from = place(index), in_first = std::min(frames, capacity_ - from);
    copy(from, from + capacity_, in_first);
    copy(capacity_, 0, frames - in_first);
  }
  void copy(int64_t from, int64_t to, int64_t frames) {
    if (frames > 0)
      std::memcpy(ring_.data() + to * pitch_, ring_.data() + from * pitch_,
                  frames * pitch_ * sizeof(float));
  }

  AlignedFloats ring_;  // [2 * capacity_, pitch_]
  int64_t lead_, pitch_;
  int64_t capacity_ = 0;
  int64_t start_ = 0;  // where begin_ lies
  int64_t begin_ = 0, end_ = 0;
};

}  // namespace torchstreamer::native
