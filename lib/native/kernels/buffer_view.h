// The frames of a node as a part of an edge buffer.
#pragma once

#include "native/kernels/edge_buffer.h"

namespace torchstreamer::native {

/// Position of a node's frames in an edge buffer. Frame i of the node consists of `samples`
/// samples, starting at `sample`, of frame `i * step + offset` of the buffer. Slices, strides,
/// crops and padding with zeros are views of their input and need no kernel and no copy.
struct BufferView {
  int buffer = -1;
  int64_t offset = 0, step = 1;
  int64_t sample = 0, samples = 0;
  /// True if the frames before frame 0, or after the last frame, are the zeros of the buffer.
  bool begins_with_buffer = true, ends_with_buffer = true;
  /// Maximum number of zero frames after the last frame of the buffer that belong to the node.
  int64_t trail = 0;
};

/// Reads the frames of a view in a running stream.
class FrameReader {
 public:
  FrameReader(const EdgeBuffer& buffer, const BufferView& view, int64_t count)
      : buffer_(&buffer), view_(&view), count_(count) {}
  const float* at(int64_t index) const {
    return buffer_->at(index * view_->step + view_->offset) + view_->sample;
  }
  /// Floats from one frame to the next.
  int64_t pitch() const { return view_->step * buffer_->pitch(); }
  /// Number of frames of the signal so far.
  int64_t count() const { return count_; }

 private:
  const EdgeBuffer* buffer_;
  const BufferView* view_;
  int64_t count_;
};

}  // namespace torchstreamer::native
