// Groups input frames into blocks of a fixed size.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffers.h"

namespace torchstreamer {

/// Keeps input frames until they fill a block. The first block starts at the start of the signal.
class BlockAdapter {
 public:
  /// Frames in memory: one plane if interleaved, otherwise one plane per channel.
  struct Frames {
    const void* const* planes;
    int64_t frames;
  };

  BlockAdapter(const GstAudioInfo& info, int64_t block_frames);

  /// Appends `input` to the waiting frames. Returns the waiting frames up to the end of the last
  /// full block; with `all`, returns all of them. The result is valid until the next call or
  /// until `input` is destroyed. Copies nothing if no frame has to wait.
  Frames push(const Planes& input, bool all);
  void clear();

  int64_t block_frames() const { return block_frames_; }
  int64_t waiting_frames() const { return frames_ - returned_frames_; }

 private:
  void append(const Planes& input);
  void drop_returned();

  int64_t block_frames_;
  int64_t frame_bytes_;                      // size of one frame in one plane
  std::vector<std::vector<uint8_t>> bytes_;  // one per plane
  std::vector<const void*> planes_;
  int64_t frames_ = 0, returned_frames_ = 0;
};

}  // namespace torchstreamer
