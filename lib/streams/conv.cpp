#include "streams/conv.h"

#include <ATen/ops/conv1d.h>
#include <c10/util/StringUtil.h>

#include "frames/window.h"

namespace torchstreamer {
namespace {

int64_t kernel_frames(const Convolution1d& c) { return span_frames(c.weight.size(2), c.dilation); }

class Conv1dLayer : public Layer {
 public:
  explicit Conv1dLayer(Convolution1d convolution)
      : Layer(Timing::window(kernel_frames(convolution), convolution.stride)),
        c_(std::move(convolution)) {}

  Format accept(const std::vector<Format>& in) const override {
    require_format(in[0], c_.weight.size(1) * c_.groups, c_.weight, describe());
    return in[0].with_channels(c_.weight.size(0));
  }

  std::unique_ptr<State> start() const override {
    return std::make_unique<Window>(
        kernel_frames(c_), c_.stride, [this](const Tensor& frames, const Step&) {
          return at::conv1d(frames.movedim(0, -1), c_.weight, c_.bias, c_.stride,
                            /*padding=*/at::IntArrayRef{0}, c_.dilation, c_.groups)
              .movedim(-1, 0);
        });
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    return in[0].batch() * c_.weight.numel();
  }

  Computation computation() const override { return c_; }

  std::string describe() const override {
    return c10::str("Conv1d(", c_.weight.size(1) * c_.groups, " -> ", c_.weight.size(0),
                    ", kernel ", c_.weight.size(2), ", stride ", c_.stride, ", dilation ",
                    c_.dilation, ", groups ", c_.groups, ")");
  }

 private:
  const Convolution1d c_;
};

}  // namespace

LayerPtr conv1d_layer(Convolution1d convolution) {
  return std::make_shared<Conv1dLayer>(std::move(convolution));
}

}  // namespace torchstreamer
