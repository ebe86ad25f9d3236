#include "frames/overlap_add.h"

#include <ATen/ops/constant_pad_nd.h>

namespace torchstreamer {
namespace {

// Returns `x` with zero frames appended, so that it has `frames` frames.
Tensor extended(const Tensor& x, int64_t frames) {
  std::vector<int64_t> pad(2 * x.dim(), 0);
  pad.back() = frames - x.size(0);
  return pad.back() > 0 ? at::constant_pad_nd(x, pad) : x;
}

}  // namespace

void OverlapAdd::add(const Tensor& runs) {
  if (!pending_.defined()) {
    pending_ = runs;
    return;
  }
  pending_ = extended(pending_, runs_frames_ + runs.size(0));
  pending_.narrow(0, runs_frames_, runs.size(0)).add_(runs);
}

Tensor OverlapAdd::push(const Tensors& in, const Step& step) {
  if (in[0].defined() && in[0].size(0) > 0) {
    add(rule_(in[0]));  // (1), (2)
    runs_frames_ += in[0].size(0) * stride_;
  }
  if (step.frames == 0) return {};
  // At the end of the signal, appends the frames after the last run.
  pending_ = extended(pending_, step.frames);
  Tensor y = pending_.narrow(0, 0, step.frames);
  pending_ = pending_.narrow(0, step.frames, pending_.size(0) - step.frames).clone();  // (3)
  runs_frames_ -= step.frames;
  return y;
}

}  // namespace torchstreamer
