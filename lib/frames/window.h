// The window mechanism: outputs computed from overlapping runs of input frames.
#pragma once

#include <functional>

#include "frames/queue.h"
#include "network/layer.h"

namespace torchstreamer {

/// Runs `rule` over windows of `kernel` frames every `stride` frames.
///
///   (1) append    ┌─ history ─┬─── new frames ───┐
///   (2) compute   └──window──┘
///                    └──window──┘  ...             rule(frames of all windows that are due)
///   (3) drop      `stride` frames for each output; the rest is the next history
class Window : public State {
 public:
  /// `frames`: `[(outputs - 1) * stride + kernel, ...]`, or fewer if windows extend past the end of
  /// the signal. Returns `[step.frames, ...]`.
  using Rule = std::function<Tensor(const Tensor& frames, const Step& step)>;

  Window(int64_t kernel, int64_t stride, Rule rule)
      : kernel_(kernel), stride_(stride), rule_(std::move(rule)) {}

  Tensor push(const Tensors& in, const Step& step) override;
  int64_t held_bytes() const override { return queue_.held_bytes(); }

 private:
  int64_t kernel_, stride_;
  Rule rule_;
  TensorQueue queue_;
};

}  // namespace torchstreamer
