#include "streams/conv_transpose.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv_transpose1d.h>
#include <c10/util/StringUtil.h>

#include "frames/overlap_add.h"

namespace torchstreamer {
namespace {

int64_t kernel_frames(const TransposedConvolution1d& c) {
  return span_frames(c.weight.size(2), c.dilation);
}

class ConvTranspose1dLayer : public Layer {
 public:
  ConvTranspose1dLayer(TransposedConvolution1d convolution, int64_t extra_frames)
      : Layer(Timing::overlap_add(kernel_frames(convolution), convolution.stride, extra_frames)),
        c_(std::move(convolution)) {}

  Format accept(const std::vector<Format>& in) const override {
    require_format(in[0], c_.weight.size(0), c_.weight, describe());
    return in[0].with_channels(c_.weight.size(1) * c_.groups);
  }

  std::unique_ptr<State> start() const override {
    return std::make_unique<ConvTransposeState>(*this);
  }

  int64_t multiply_adds_per_frame(const std::vector<Format>& in) const override {
    return ceil_div(in[0].batch() * c_.weight.numel(), c_.stride);
  }

  Computation computation() const override { return c_; }

  std::string describe() const override {
    return c10::str("ConvTranspose1d(", c_.weight.size(0), " -> ", c_.weight.size(1) * c_.groups,
                    ", kernel ", c_.weight.size(2), ", stride ", c_.stride, ", dilation ",
                    c_.dilation, ", groups ", c_.groups, ")");
  }

 private:
  // The bias is added once to each output frame, after the overlapping outputs are summed.
  class ConvTransposeState : public State {
   public:
    explicit ConvTransposeState(const ConvTranspose1dLayer& layer)
        : bias_(layer.c_.bias),
          sum_(kernel_frames(layer.c_), layer.c_.stride,
               [&layer](const Tensor& frames) { return layer.runs(frames); }) {}

    Tensor push(const Tensors& in, const Step& step) override {
      const Tensor y = sum_.push(in, step);
      return y.defined() && bias_.defined() ? y + bias_ : y;
    }
    int64_t held_bytes() const override { return sum_.held_bytes(); }

   private:
    const Tensor& bias_;
    OverlapAdd sum_;
  };

  Tensor runs(const Tensor& frames) const {
    return at::conv_transpose1d(frames.movedim(0, -1), c_.weight, /*bias=*/{}, c_.stride,
                                /*padding=*/0, /*output_padding=*/0, c_.groups, c_.dilation)
        .movedim(-1, 0);
  }

  const TransposedConvolution1d c_;
};

}  // namespace

LayerPtr conv_transpose1d_layer(TransposedConvolution1d convolution, int64_t extra_frames) {
  return std::make_shared<ConvTranspose1dLayer>(std::move(convolution), extra_frames);
}

}  // namespace torchstreamer
