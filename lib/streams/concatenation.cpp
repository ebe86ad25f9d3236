#include "streams/concatenation.h"

#include <ATen/ops/cat.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "frames/queue.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

// Output frame j is frame j of the first signal or frame j - first_frames of the second.
Timing concatenation_timing(int64_t first_frames) {
  return Timing(
      {1}, 1, [](const Count& in) { return in; },
      [=](Span out) {
        return Span{out.first - first_frames, out.last};
      });
}

// Frames of the second signal are counted only after the first one is complete.
JoinRule concatenation_join(int64_t first_frames) {
  return [=](const std::vector<Count>& in) {
    const bool has_first = in[0].now >= first_frames;
    return Count{has_first ? first_frames + in[1].now : in[0].now, in[0].total + in[1].total,
                 in[0].source};
  };
}

class ConcatenationLayer : public Layer {
 public:
  explicit ConcatenationLayer(int64_t first_frames)
      : Layer(concatenation_timing(first_frames), concatenation_join(first_frames)),
        first_frames_(first_frames) {}

  Format accept(const std::vector<Format>& in) const override {
    if (!(in[0] == in[1]))
      throw Error("the concatenated signals differ in type, device or channels");
    return in[0];
  }

  std::unique_ptr<State> start() const override { return std::make_unique<ConcatenationState>(); }
  std::string describe() const override {
    return c10::str("Cat(", first_frames_, " frames first)");
  }
  bool may_be_empty() const override { return true; }

 private:
  class ConcatenationState : public State {
   public:
    Tensor push(const Tensors& in, const Step& step) override {
      first_.append(in[0]);
      second_.append(in[1]);
      if (step.frames == 0) return {};
      const int64_t from_first = std::min(step.frames, first_.frames());
      const Tensor head = first_.take(from_first), tail = second_.take(step.frames - from_first);
      return !head.defined() ? tail : !tail.defined() ? head : at::cat({head, tail});
    }

    int64_t held_bytes() const override { return first_.held_bytes() + second_.held_bytes(); }

   private:
    TensorQueue first_, second_;
  };

  int64_t first_frames_;
};

}  // namespace

LayerPtr concatenation_layer(int64_t first_frames) {
  return std::make_shared<ConcatenationLayer>(first_frames);
}

}  // namespace torchstreamer
