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

class ConcatenationLayer : public Layer {
 public:
  explicit ConcatenationLayer(int64_t first_frames)
      : Layer(concatenation_timing(first_frames)), first_frames_(first_frames) {}

  bool has_own_join() const override { return true; }
  Count join(const std::vector<Count>& in) const override {
    const bool has_first = in[0].now >= first_frames_;
    return {has_first ? first_frames_ + in[1].now : in[0].now, in[0].total + in[1].total,
            in[0].source};
  }

  Format accept(const std::vector<Format>& in) const override {
    if (!(in[0] == in[1]))
      throw Error("the signals that it puts together differ in type, device or channels");
    return in[0];
  }

  std::unique_ptr<State> start() const override { return std::make_unique<Running>(); }
  std::string describe() const override {
    return c10::str("Cat(", first_frames_, " frames first)");
  }
  bool may_be_empty() const override { return true; }

 private:
  class Running : public State {
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
