// Streams of torch::nn modules, one class for each module.
#pragma once

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include "torchstreamer/registry.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

/// torch.nn.Conv1d: any kernel, stride (longer than the kernel, too), dilation, groups, bias.
/// Output frame j is computed from input frames `[j * stride, j * stride + dilation * (kernel -
/// 1)]`. Source: torch.nn.functional.conv1d.
class TORCHSTREAMER_API Conv1dStream : public LayerStream {
 public:
  explicit Conv1dStream(const torch::nn::Conv1d& module);
};

/// torch.nn.ConvTranspose1d: any kernel (shorter than the stride, too), stride, dilation, groups,
/// bias. T input frames make `(T - 1) * stride + dilation * (kernel - 1) + 1 + output_padding`
/// output frames; those of the output padding hold the bias alone and come at the latest with the
/// final push. Source: torch.nn.functional.conv_transpose1d, as overlap-add.
class TORCHSTREAMER_API ConvTranspose1dStream : public LayerStream {
 public:
  explicit ConvTranspose1dStream(const torch::nn::ConvTranspose1d& module);
};

/// torch.nn.AvgPool1d and torch.nn.MaxPool1d: kernel, stride, MaxPool's dilation, ceil_mode (its
/// partial windows come with the final push). Without padding, count_include_pad makes no
/// difference. Any other module: Error "invalid pooling layer".
/// Source: torch.nn.functional.avg_pool1d, max_pool1d.
class TORCHSTREAMER_API Pool1dStream : public LayerStream {
 public:
  explicit Pool1dStream(const torch::nn::AnyModule& module);
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Pool1dStream(const Holder& module) : Pool1dStream(any_module(module)) {}
};

/// A module that is pointwise in time: activations, BatchNorm in eval mode, 1x1 convolutions, ...
/// It is called with `[1, C, T]` and may change the channels. That it keeps the length and mixes no
/// frames is proven here, on random data: module(x) must equal its outputs for the parts of x, put
/// together. Throws Refusal otherwise. A module that cannot be cloned is used as it is and must not
/// be changed while the stream lives.
class TORCHSTREAMER_API Elementwise1dStream : public LayerStream {
 public:
  explicit Elementwise1dStream(const torch::nn::AnyModule& module);
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Elementwise1dStream(const Holder& module) : Elementwise1dStream(any_module(module)) {}
};

/// A torch::nn::Sequential that can stand inside of other modules: its forward() is no template.
class TORCHSTREAMER_API Sequential1dImpl : public torch::nn::SequentialImpl {
 public:
  using SequentialImpl::SequentialImpl;
  at::Tensor forward(const at::Tensor& x) { return SequentialImpl::forward(x); }
  std::shared_ptr<torch::nn::Module> clone(
      const Optional<torch::Device>& device = {}) const override;
};
TORCH_MODULE(Sequential1d);

/// torch.nn.Sequential: its modules one after the other, each streamed by create_stream(). Nests,
/// as Sequential1d or another subclass whose forward() proves to do the same.
/// An empty one passes its input through. Throws Refusal with the path of the module that cannot be
/// streamed.
class TORCHSTREAMER_API Sequential1dStream : public LayerStream {
 public:
  explicit Sequential1dStream(const torch::nn::Sequential& module);
};

/// A residual connection for nets without padding: `net(x)` plus `x`, cropped at both sides to the
/// frames of `net(x)`. Where the number of frames to crop is odd, the end loses one more.
class TORCHSTREAMER_API Residual1dImpl : public torch::nn::Module {
 public:
  /// Throws Error for a net with a strided Conv1d inside: its output has no frame for each of x.
  explicit Residual1dImpl(torch::nn::AnyModule net);
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Residual1dImpl(const Holder& net) : Residual1dImpl(any_module(net)) {}

  /// `x`: `[B, C, T]` or `[C, T]`. Throws Error where the net makes the signal longer.
  at::Tensor forward(const at::Tensor& x);

  std::shared_ptr<torch::nn::Module> clone(
      const Optional<torch::Device>& device = {}) const override;

  const torch::nn::AnyModule& net() const { return net_; }

 private:
  torch::nn::AnyModule net_;
};
TORCH_MODULE(Residual1d);

/// Residual1d, nested ones included. Refused where the net's stream changes the rate, makes the
/// signal longer, or shortens it by a number of frames that depends on its length.
class TORCHSTREAMER_API Residual1dStream : public LayerStream {
 public:
  explicit Residual1dStream(const Residual1d& module);
};

}  // namespace torchstreamer
