// A first-in, first-out run of frames in one piece of memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace torchstreamer {

/// The frames of a stream that later outputs still need: [frames, channels], always contiguous.
///
///          begin_              end_          room
///     |..dropped..|-----kept-----|....free....|
///
///   (1) append   writes at end_. Where free is too short, kept first moves to the start.
///   (2) read     kept is one run of memory, frame 0 being the oldest.
///   (3) drop     moves begin_; nothing is copied.
///
/// Memory grows to twice what is kept plus one chunk, so that (1) moves every frame about once, and
/// then stays: as long as neither of the two gets larger, nothing is allocated.
template <class T>
class History {
 public:
  explicit History(int64_t channels) : channels_(channels) {}

  /// Adds `frames` frames with any content and returns them, [frames, channels], to be written.
  T* append(int64_t frames) {
    if (end_ + frames > capacity()) make_room(frames);
    end_ += frames;
    return samples_.data() + (end_ - frames) * channels_;
  }

  /// The frames kept, [frames(), channels].
  const T* data() const { return samples_.data() + begin_ * channels_; }
  int64_t frames() const { return end_ - begin_; }

  /// Takes the `frames` <= frames() newest frames back.
  void shorten(int64_t frames) { end_ -= frames; }

  /// Memory for `frames` frames.
  void reserve(int64_t frames) {
    if (frames > capacity()) samples_.resize(frames * channels_);
  }
  int64_t capacity() const { return static_cast<int64_t>(samples_.size()) / channels_; }

  /// Forgets the `frames` <= frames() oldest frames.
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
