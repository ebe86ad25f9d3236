// Custom modules with registered streams, and modules that must be refused.
#pragma once

#include "lib/support/error_of.h"
#include "lib/support/streaming.h"

namespace torchstreamer::testing {

namespace nn = torch::nn;

// A custom stream: y[t] = x[t] + x[t - 1], with a memory of one frame.
class PreviousStream : public BaseStream {
 public:
  PreviousStream() : BaseStream(Timing::window(2, 1)) {}

 private:
  Tensor process(const Tensor& x, bool) override {
    const Tensor all = last_.defined() ? at::cat({last_, x}, 1) : x;
    if (all.size(1) > 0) last_ = all.narrow(1, all.size(1) - 1, 1).clone();
    if (all.size(1) < 2) return {};
    return all.narrow(1, 0, all.size(1) - 1) + all.narrow(1, 1, all.size(1) - 1);
  }
  void clear() override { last_ = Tensor(); }

  Tensor last_;
};

struct PreviousImpl : nn::Module {
  Tensor forward(Tensor x) { return x.slice(-1, 0, -1) + x.slice(-1, 1); }
};
TORCH_MODULE(Previous);

struct ReverseImpl : nn::Module {
  Tensor forward(Tensor x) { return x.flip({-1}); }
};
TORCH_MODULE(Reverse);

struct HalfImpl : nn::Module {
  Tensor forward(Tensor x) { return x.slice(-1, 0, at::indexing::None, 2); }
};
TORCH_MODULE(Half);

// A causal convolution: padded on both sides and cropped at the end.
struct CausalImpl : nn::Module {
  explicit CausalImpl(int64_t dilation)
      : conv(nn::Conv1dOptions(2, 2, 2).dilation(dilation).padding(dilation)) {
    register_module("conv", conv);
  }
  Tensor forward(Tensor x) { return conv->forward(x).slice(-1, 0, x.size(-1)); }
  nn::Conv1d conv;
};
TORCH_MODULE(Causal);

struct ThirdImpl : nn::Module {
  Tensor forward(Tensor x) { return x; }
};
TORCH_MODULE(Third);

struct QuietImpl : nn::Module {
  Tensor forward(Tensor x) { return x.flip({-1}) * 1e-6; }
};
TORCH_MODULE(Quiet);

// A pointwise module with a weight, of a type without a stream class.
struct ScaleImpl : nn::Cloneable<ScaleImpl> {
  void reset() override { scale = register_parameter("scale", torch::rand({3, 1}) + 0.5); }
  ScaleImpl() { reset(); }
  Tensor forward(Tensor x) { return x * scale; }
  Tensor scale;
};
TORCH_MODULE(Scale);

}  // namespace torchstreamer::testing
