// The frames of an edge of the network, by their index in the signal.
#pragma once

#include <algorithm>
#include <cstring>

#include "frames/history.h"

namespace torchstreamer::native {

/// What a producer appends and its consumers read in place: their windows overlap, and each may be
/// ahead of the others. Before frame 0 lie `lead` frames of zeros.
///
///     -lead       0               end()
///     |..zeros..|--frames so far--|
///          ^ first frame that is still needed
class Track {
 public:
  Track(int64_t pitch, int64_t lead) : frames_(pitch), lead_(lead), pitch_(pitch) { clear(); }

  /// Room for `frames` frames, so that no memory is asked for later.
  void reserve(int64_t frames) { frames_.reserve(frames); }
  int64_t capacity() const { return frames_.capacity(); }

  /// The next `frames` frames, to be written.
  float* append(int64_t frames) {
    end_ += frames;
    return frames_.append(frames);
  }
  void append_zeros(int64_t frames) {
    std::memset(append(frames), 0, frames * pitch_ * sizeof(float));
  }
  /// Takes the last `frames` frames back.
  void shorten(int64_t frames) {
    end_ -= frames;
    frames_.shorten(frames);
  }

  const float* at(int64_t index) const { return frames_.data() + (index - begin()) * pitch_; }
  int64_t pitch() const { return pitch_; }
  int64_t begin() const { return end_ - frames_.frames(); }
  int64_t end() const { return end_; }
  int64_t bytes() const { return capacity() * pitch_ * static_cast<int64_t>(sizeof(float)); }

  /// Forgets the frames before `index`.
  void drop_before(int64_t index) {
    frames_.drop(std::clamp<int64_t>(index - begin(), 0, frames_.frames()));
  }

  void clear() {
    frames_.clear();
    end_ = -lead_;
    append_zeros(lead_);
  }

 private:
  History<float> frames_;
  int64_t lead_, pitch_;
  int64_t end_ = 0;
};

}  // namespace torchstreamer::native
