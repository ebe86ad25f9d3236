#include "streams/conv.h"

#include <ATen/ops/conv1d.h>
#include <c10/util/StringUtil.h>

#include "frames/window.h"

namespace torchstreamer {
namespace {

class Conv1dLayer : public Layer {
 public:
  Conv1dLayer(Tensor weight, Tensor bias, int64_t stride, int64_t dilation, int64_t groups)
      : Layer(Timing::window(span_frames(weight.size(2), dilation), stride)),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        stride_(stride),
        dilation_(dilation),
        groups_(groups) {}

  Format accept(const std::vector<Format>& in) const override {
    require_format(in[0], weight_.size(1) * groups_, weight_, describe());
    return in[0].with_channels(weight_.size(0));
  }

  std::unique_ptr<State> start() const override {
    const int64_t kernel = span_frames(weight_.size(2), dilation_);
    return std::make_unique<Window>(kernel, stride_, [this](const Tensor& frames, const Step&) {
      return at::conv1d(frames.movedim(0, -1), weight_, bias_, stride_,
                        /*padding=*/at::IntArrayRef{0}, dilation_, groups_)
          .movedim(-1, 0);
    });
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    return in[0].batch() * weight_.numel();
  }

  Arithmetic arithmetic() const override {
    return Convolution1d{weight_, bias_, stride_, dilation_, groups_};
  }

  std::string describe() const override {
    return c10::str("Conv1d(", weight_.size(1) * groups_, " -> ", weight_.size(0), ", kernel ",
                    weight_.size(2), ", stride ", stride_, ", dilation ", dilation_, ", groups ",
                    groups_, ")");
  }

 private:
  Tensor weight_, bias_;
  int64_t stride_, dilation_, groups_;
};

}  // namespace

LayerPtr conv1d_layer(Tensor weight, Tensor bias, int64_t stride, int64_t dilation,
                      int64_t groups) {
  return std::make_shared<Conv1dLayer>(std::move(weight), std::move(bias), stride, dilation,
                                       groups);
}

}  // namespace torchstreamer
