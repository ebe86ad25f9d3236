// A first-in, first-out queue of frames in contiguous memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace torchstreamer {

/// The frames of a stream that later outputs depend on: [frames, channels], always contiguous.
///
///          begin_              end_          room
///     |..dropped..|-----kept-----|....free....|
///
///   (1) append   writes at end_. If free is too short, kept is moved to the start first.
///   (2) read     kept is contiguous; frame 0 is the oldest.
///   (3) drop     moves begin_; nothing is copied.
///
/// Memory grows to twice the kept frames plus one chunk, so that (1) moves each frame about once.
/// After that, nothing is allocated unless chunks or the kept frames become larger.
template <class T>
class History {
 public:
  explicit History(int64_t channels) : channels_(channels) {}

  /// Adds `frames` frames and returns them, [frames, channels], for writing. Their content is
  /// undefined.
  T* append(int64_t frames) {
    if (end_ + frames > capacity()) make_room(frames);
    end_ += frames;
    return samples_.data() + (end_ - frames) * channels_;
  }

  /// The kept frames, [frames(), channels].
  const T* data() const { return samples_.data() + begin_ * channels_; }
  int64_t frames() const { return end_ - begin_; }

  /// Removes the newest `frames` frames; `frames` <= frames().
  void shorten(int64_t frames) { end_ -= frames; }

  /// Allocates memory for `frames` frames.
  void reserve(int64_t frames) {
    if (frames > capacity()) samples_.resize(frames * channels_);
  }
  int64_t capacity() const { return static_cast<int64_t>(samples_.size()) / channels_; }

  /// Drops the oldest `frames` frames; `frames` <= frames().
  void drop(int64_t frames) { begin_ += frames; }
  void clear() { begin_ = end_ = 0; }

 private:
  void make_room(int64_t frames) {
    const auto samples = samples_.begin();
    std::copy(samples + begin_ * channels_, samples + end_ * channels_, samples);
    end_ -= begin_;
    begin_ = 0;
    if (end_ + frames > capacity()) reserve(2 * end_ + frames);
  }

  int64_t channels_;
  int64_t begin_ = 0;  // in frames
  int64_t end_ = 0;
  std::vector<T> samples_;
};

}  // namespace torchstreamer
