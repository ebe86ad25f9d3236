#include "frames/queue.h"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace torchstreamer {

void TensorQueue::append(Tensor x) {
  if (!x.defined()) return;
  const int64_t paid = std::min(debt_frames_, x.size(0));
  debt_frames_ -= paid;
  if (paid == x.size(0)) return;
  if (paid) x = x.narrow(0, paid, x.size(0) - paid);
  held_ = held_.defined() ? at::cat({held_, x}) : x;
}

void TensorQueue::drop(int64_t frames) {
  const int64_t kept = this->frames() - frames;
  debt_frames_ += std::max<int64_t>(0, -kept);
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
