/// @file
/// Streams of torch::nn modules, one class for each module. They ignore padding, see "Padding" in
/// torchstreamer.
#pragma once

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include "torchstreamer/registry.h"
#include "torchstreamer/stream.h"

namespace torchstreamer {

/// torch.nn.Conv1d with any kernel, stride (also longer than the kernel), dilation, groups and
/// bias. Output frame j depends on the input frames
/// `[j * stride, j * stride + dilation * (kernel - 1)]`. Source: torch.nn.functional.conv1d.
class TORCHSTREAMER_API Conv1dStream : public LayerStream {
 public:
  /// Copies weight and bias.
  explicit Conv1dStream(const torch::nn::Conv1d& module);
};

/// torch.nn.ConvTranspose1d with any kernel (also shorter than the stride), stride, dilation,
/// groups and bias. T input frames give
/// `(T - 1) * stride + dilation * (kernel - 1) + 1 + output_padding` output frames. The frames of
/// the output padding are equal to the bias. The final push outputs them at the latest. Source:
/// torch.nn.functional.conv_transpose1d, computed by overlap-add.
class TORCHSTREAMER_API ConvTranspose1dStream : public LayerStream {
 public:
  /// Copies weight and bias.
  explicit ConvTranspose1dStream(const torch::nn::ConvTranspose1d& module);
};

/// torch.nn.AvgPool1d and torch.nn.MaxPool1d with any kernel, stride, dilation (MaxPool1d) and
/// ceil_mode. The final push outputs the partial windows of ceil_mode. Without padding,
/// count_include_pad makes no difference. Source: torch.nn.functional.avg_pool1d, max_pool1d.
class TORCHSTREAMER_API Pool1dStream : public LayerStream {
 public:
  /// Throws Error for any other module.
  explicit Pool1dStream(const torch::nn::AnyModule& module);
  /// The same for a module holder.
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Pool1dStream(const Holder& module) : Pool1dStream(any_module(module)) {}
};

/// Any module that is pointwise in time: an activation, BatchNorm in eval mode, a convolution with
/// a kernel of 1. The module is called with `[1, C, T]` and must return `[1, C_out, T]`. It may
/// change the number of channels.
///
/// The constructor checks on random signals that the module does not mix frames: module(x) must
/// equal the concatenated outputs for parts of x. If the module cannot be cloned, the stream uses
/// the module itself, which must not be changed while the stream exists.
class TORCHSTREAMER_API Elementwise1dStream : public LayerStream {
 public:
  /// Throws Refusal for a module that is not pointwise in time.
  explicit Elementwise1dStream(const torch::nn::AnyModule& module);
  /// The same for a module holder.
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Elementwise1dStream(const Holder& module) : Elementwise1dStream(any_module(module)) {}
};

/// A torch::nn::Sequential that other modules can contain, because its forward() is not a template.
class TORCHSTREAMER_API Sequential1dImpl : public torch::nn::SequentialImpl {
 public:
  using SequentialImpl::SequentialImpl;
  /// `x`: the input of the first module. Returns the output of the last one.
  at::Tensor forward(const at::Tensor& x) { return SequentialImpl::forward(x); }
  /// Returns a deep copy, on `device` if given.
  std::shared_ptr<torch::nn::Module> clone(
      const Optional<torch::Device>& device = {}) const override;
};
TORCH_MODULE(Sequential1d);  ///< Holder of Sequential1dImpl.

/// torch.nn.Sequential: a chain of its modules, each streamed by create_stream(). An empty one
/// copies its input. May contain Sequential1d and other subclasses whose forward() gives the same
/// outputs as Sequential on random signals.
class TORCHSTREAMER_API Sequential1dStream : public LayerStream {
 public:
  /// Throws Refusal with the path of the module that cannot be streamed.
  explicit Sequential1dStream(const torch::nn::Sequential& module);
};

/// A residual connection for nets without padding: `net(x)` plus `x`, which is cropped at both ends
/// to the frames of `net(x)`. If the number of cropped frames is odd, one more is cropped at the
/// end than at the start.
class TORCHSTREAMER_API Residual1dImpl : public torch::nn::Module {
 public:
  /// Throws Error if the net contains a Conv1d with a stride, because its output does not have one
  /// frame for each frame of x.
  explicit Residual1dImpl(torch::nn::AnyModule net);
  /// The same for a module holder.
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Residual1dImpl(const Holder& net) : Residual1dImpl(any_module(net)) {}

  /// `x`: `[B, C, T]` or `[C, T]`. Throws Error if the net makes the signal longer.
  at::Tensor forward(const at::Tensor& x);

  /// Returns a deep copy, on `device` if given.
  std::shared_ptr<torch::nn::Module> clone(
      const Optional<torch::Device>& device = {}) const override;

  /// The net.
  const torch::nn::AnyModule& net() const { return net_; }

 private:
  torch::nn::AnyModule net_;
};
TORCH_MODULE(Residual1d);  ///< Holder of Residual1dImpl.

/// Residual1d, which may be nested.
class TORCHSTREAMER_API Residual1dStream : public LayerStream {
 public:
  /// Throws Error if the stream of the net changes the rate, makes the signal longer, or shortens
  /// it by a number of frames that depends on its length.
  explicit Residual1dStream(const Residual1d& module);
};

}  // namespace torchstreamer
