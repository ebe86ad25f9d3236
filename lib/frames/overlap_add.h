// The overlap-add mechanism: every input frame adds a run of output frames.
#pragma once

#include <functional>

#include "network/layer.h"

namespace torchstreamer {

/// Sums runs of `kernel` output frames, one every `stride` frames.
///
///   (1) the rule computes the sum of the runs of the new input frames
///   (2) sum        ┌─ tail ─┐                     the tail is the sum of earlier runs after the
///                  └────┴── new runs ──┘          emitted frames; a kernel shorter than its
///                                                 stride leaves a gap of zeros instead
///   (3) frames that no later input adds to are emitted; the rest is the next tail
class OverlapAdd : public State {
 public:
  /// `frames`: `[n, ...]`, n > 0. Returns `[(n - 1) * stride + kernel, ...]`.
  using Rule = std::function<Tensor(const Tensor& frames)>;

  OverlapAdd(int64_t kernel, int64_t stride, Rule rule)
      : kernel_(kernel), stride_(stride), rule_(std::move(rule)) {}

  Tensor push(const Tensors& in, const Step& step) override;
  int64_t held_bytes() const override { return bytes_of(pending_); }

 private:
  void add(const Tensor& runs);

  int64_t kernel_, stride_;
  Rule rule_;
  Tensor pending_;           // the tail
  int64_t runs_frames_ = 0;  // start of the run of the next input frame in pending_
};

}  // namespace torchstreamer
