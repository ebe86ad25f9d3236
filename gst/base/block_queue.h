// Frames that wait until they are worth a push.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffers.h"
#include "torchstreamer/timing.h"

namespace torchstreamer {

/// Collects frames to blocks, counted from the start of the signal.
class BlockQueue {
 public:
  /// Where the frames are: one plane, or one a channel.
  struct Frames {
    const void* const* planes;
    int64_t frames;
  };

  BlockQueue(const GstAudioInfo& info, int64_t block_frames);

  /// The blocks that are full now that `arrived` came, or with `final` all that is there; valid
  /// until the next call and as long as `arrived`. Copies nothing where nothing has to wait.
  Frames pass(const Planes& arrived, bool final);
  void clear();

  int64_t block_frames() const { return block_frames_; }
  int64_t waiting_frames() const { return frames_ - passed_frames_; }

 private:
  void append(const Planes& arrived);
  void drop_passed();

  int64_t block_frames_;
  int64_t frame_bytes_;                      // of one plane
  std::vector<std::vector<uint8_t>> bytes_;  // a plane each
  std::vector<const void*> planes_;
  int64_t frames_ = 0, passed_frames_ = 0;
};

/// By how many input frames a stream that takes frames in blocks is late at most: what
/// Timing::look_ahead_frames() is for blocks of one frame.
Rational latency_frames(const Timing& timing, int64_t block_frames);

}  // namespace torchstreamer
