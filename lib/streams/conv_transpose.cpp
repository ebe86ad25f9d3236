#include "streams/conv_transpose.h"

#include <ATen/ops/conv_transpose1d.h>
#include <c10/util/StringUtil.h>

#include "frames/overlap_add.h"

namespace torchstreamer {
namespace {

class ConvTranspose1dLayer : public Layer {
 public:
  ConvTranspose1dLayer(Tensor weight, Tensor bias, int64_t stride, int64_t output_padding,
                       int64_t groups, int64_t dilation)
      : Layer(Timing::overlap_add(span_frames(weight.size(2), dilation), stride, output_padding)),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        stride_(stride),
        groups_(groups),
        dilation_(dilation) {}

  Format accept(const std::vector<Format>& in) const override {
    require_format(in[0], weight_.size(0), weight_, describe());
    return in[0].with_channels(weight_.size(1) * groups_);
  }

  std::unique_ptr<State> start() const override { return std::make_unique<Running>(*this); }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    return ceil_div(in[0].batch() * weight_.numel(), stride_);
  }

  Arithmetic arithmetic() const override {
    return TransposedConvolution1d{weight_, bias_, stride_, dilation_, groups_};
  }

  std::string describe() const override {
    return c10::str("ConvTranspose1d(", weight_.size(0), " -> ", weight_.size(1) * groups_,
                    ", kernel ", weight_.size(2), ", stride ", stride_, ", dilation ", dilation_,
                    ", groups ", groups_, ")");
  }

 private:
  // The bias belongs to each output frame once, so it is added behind the sum.
  class Running : public State {
   public:
    explicit Running(const ConvTranspose1dLayer& layer)
        : layer_(layer),
          sum_(span_frames(layer.weight_.size(2), layer.dilation_), layer.stride_,
               [&layer](const Tensor& frames) { return layer.runs(frames); }) {}

    Tensor push(const Tensors& in, const Step& step) override {
      const Tensor y = sum_.push(in, step);
      return y.defined() && layer_.bias_.defined() ? y + layer_.bias_ : y;
    }
    int64_t held_bytes() const override { return sum_.held_bytes(); }

   private:
    const ConvTranspose1dLayer& layer_;
    OverlapAdd sum_;
  };

  Tensor runs(const Tensor& frames) const {
    return at::conv_transpose1d(frames.movedim(0, -1), weight_, /*bias=*/{}, stride_,
                                /*padding=*/0, /*output_padding=*/0, groups_, dilation_)
        .movedim(-1, 0);
  }

  Tensor weight_, bias_;
  int64_t stride_, groups_, dilation_;
};

}  // namespace

LayerPtr conv_transpose1d_layer(Tensor weight, Tensor bias, int64_t stride, int64_t output_padding,
                                int64_t groups, int64_t dilation) {
  return std::make_shared<ConvTranspose1dLayer>(std::move(weight), std::move(bias), stride,
                                                output_padding, groups, dilation);
}

}  // namespace torchstreamer
