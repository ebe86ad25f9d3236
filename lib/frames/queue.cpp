#include "frames/queue.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>

namespace torchstreamer {
namespace {

// Returns true if moving `kept` frames in every push of `moved` frames would take most of the time.
bool is_long(int64_t kept, int64_t moved) { return kept > 64 * moved; }

}  // namespace

void TensorQueue::append(Tensor x) {
  if (!x.defined()) return;
  const int64_t dropped = std::min(drop_on_arrival_frames_, x.size(0));
  drop_on_arrival_frames_ -= dropped;
  if (dropped == x.size(0)) return;
  if (dropped) x = x.narrow(0, dropped, x.size(0) - dropped);
  const int64_t added = x.size(0), kept = frames();
  if (!is_long(kept, added)) {
    memory_ = kept ? at::cat({view(kept), x}) : x;
    begin_ = 0;
    end_ = kept + added;
    return;
  }
  if (end_ + added > memory_.size(0)) grow(added);
  memory_.narrow(0, end_, added).copy_(x);
  end_ += added;
}

void TensorQueue::grow(int64_t added) {
  const int64_t kept = frames();
  auto shape = memory_.sizes().vec();
  shape[0] = kept + std::max(added, kept / 2);
  const Tensor larger = at::empty(shape, memory_.options());
  larger.narrow(0, 0, kept).copy_(view(kept));
  memory_ = larger;
  begin_ = 0;
  end_ = kept;
}

void TensorQueue::drop(int64_t frames) {
  const int64_t kept = this->frames() - frames;
  drop_on_arrival_frames_ += std::max<int64_t>(0, -kept);
  begin_ = std::min(end_, begin_ + frames);
  if (is_long(kept, frames)) return;
  // Copies the frames, so that a short history does not keep the memory of a long chunk.
  memory_ = kept > 0 ? view(kept).clone() : Tensor();
  begin_ = 0;
  end_ = std::max<int64_t>(0, kept);
}

Tensor TensorQueue::take(int64_t frames) {
  if (frames == 0) return {};
  Tensor x = view(frames);
  drop(frames);
  return x;
}

}  // namespace torchstreamer
