#include "frames/queue.h"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace torchstreamer {

void TensorQueue::append(Tensor x) {
  if (!x.defined()) return;
  const int64_t dropped = std::min(drop_on_arrival_frames_, x.size(0));
  drop_on_arrival_frames_ -= dropped;
  if (dropped == x.size(0)) return;
  if (dropped) x = x.narrow(0, dropped, x.size(0) - dropped);
  held_ = held_.defined() ? at::cat({held_, x}) : x;
}

void TensorQueue::drop(int64_t frames) {
  const int64_t kept = this->frames() - frames;
  drop_on_arrival_frames_ += std::max<int64_t>(0, -kept);
  // Copies the frames, so that a short history does not keep the memory of a long chunk.
  held_ = kept > 0 ? held_.narrow(0, frames, kept).clone() : Tensor();
}

Tensor TensorQueue::take(int64_t frames) {
  if (frames == 0) return {};
  Tensor x = view(frames);
  drop(frames);
  return x;
}

}  // namespace torchstreamer
