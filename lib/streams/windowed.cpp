#include "streams/windowed.h"

#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include "frames/overlap_add.h"
#include "frames/window.h"
#include "network/multiply_adds.h"
#include "support/exceptions.h"
#include "torchstreamer/error.h"

namespace torchstreamer {
namespace {

// What the two have in common: a rule whose output shows when it is tried.
class RuleLayer : public Layer {
 public:
  RuleLayer(Timing timing, int64_t kernel_frames, int64_t stride_frames, int64_t tried_frames,
            FramesRule rule, std::string describe, Arithmetic arithmetic)
      : Layer(std::move(timing)),
        kernel_frames_(kernel_frames),
        stride_frames_(stride_frames),
        tried_frames_(tried_frames),
        rule_(std::move(rule)),
        describe_(std::move(describe)),
        arithmetic_(std::move(arithmetic)) {}

  Format accept(const std::vector<Format>& in) const override {
    if (in[0].channels() == kUnknownChannels) return in[0];
    try {
      const Tensor y = rule_(frames_to_try(in[0]));
      return {y.scalar_type(), y.device(), y.sizes().slice(1).vec()};
    } catch (const std::exception& e) {
      throw Error(c10::str(describe_, " does not take frames of shape ", in[0].frame, ", ",
                           in[0].dtype, ": ", reason_of(e)));
    }
  }

  // What is tried makes one window, or the run of one input: a stride of outputs.
  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    const Tensor x = frames_to_try(in[0]);
    return ceil_div(counted_multiply_adds([&] { rule_(x); }), timing().rate().ceil());
  }

  Arithmetic arithmetic() const override { return arithmetic_; }
  std::string describe() const override { return describe_; }

 protected:
  Tensor frames_to_try(const Format& format) const {
    auto shape = format.frame;
    shape.insert(shape.begin(), tried_frames_);
    return at::zeros(shape, at::TensorOptions(format.dtype).device(format.device));
  }

  const int64_t kernel_frames_, stride_frames_, tried_frames_;
  const FramesRule rule_;
  const std::string describe_;
  const Arithmetic arithmetic_;
};

class WindowLayer : public RuleLayer {
 public:
  WindowLayer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule, std::string describe,
              bool may_be_empty, Arithmetic arithmetic)
      : RuleLayer(Timing::window(kernel_frames, stride_frames), kernel_frames, stride_frames,
                  /*tried_frames=*/kernel_frames, std::move(rule), std::move(describe),
                  std::move(arithmetic)),
        may_be_empty_(may_be_empty) {}

  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(
        kernel_frames_, stride_frames_,
        [this](const Tensor& frames, const Step&) { return rule_(frames); });
  }
  bool may_be_empty() const override { return may_be_empty_; }

 private:
  bool may_be_empty_;
};

class OverlapAddLayer : public RuleLayer {
 public:
  OverlapAddLayer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule,
                  std::string describe, int64_t extra_frames, Arithmetic arithmetic)
      : RuleLayer(Timing::overlap_add(kernel_frames, stride_frames, extra_frames), kernel_frames,
                  stride_frames, /*tried_frames=*/1, std::move(rule), std::move(describe),
                  std::move(arithmetic)) {}

  std::unique_ptr<State> start() const override {
    return std::make_unique<OverlapAdd>(kernel_frames_, stride_frames_, rule_);
  }
};

}  // namespace

LayerPtr window_layer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule,
                      std::string describe, bool may_be_empty, Arithmetic arithmetic) {
  return std::make_shared<WindowLayer>(kernel_frames, stride_frames, std::move(rule),
                                       std::move(describe), may_be_empty, std::move(arithmetic));
}

LayerPtr overlap_add_layer(int64_t kernel_frames, int64_t stride_frames, FramesRule rule,
                           std::string describe, int64_t extra_frames, Arithmetic arithmetic) {
  return std::make_shared<OverlapAddLayer>(kernel_frames, stride_frames, std::move(rule),
                                           std::move(describe), extra_frames,
                                           std::move(arithmetic));
}

}  // namespace torchstreamer
