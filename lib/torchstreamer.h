/// torchstreamer: exact, minimal-delay streams of offline PyTorch audio models.
///
/// The conventions, once for all classes below:
///
/// Shapes. A signal is `[C, T]`: channels, frames. Frames count time, samples are frames x
/// channels. ResampleStream takes `[T]`, too, and keeps the rank. Any number of frames may come in
/// a push, zero included.
///
/// Streams. forward(x, final) returns the frames that became certain, or nothing. The outputs, one
/// after the other, equal the offline module on the whole signal, for every way of cutting it into
/// pushes: the length is equal, the values are within float rounding. Every output frame leaves in
/// the same push as the last input frame it depends on.
///
/// End of stream. `final` marks the last push, which may be empty. It reaches every stage, all that
/// is owed comes out, and the stream is fresh again, as after reset().
///
/// Padding. These streams ignore the padding of a module (`padding`, `padding_mode`) and do the
/// exact "valid" operation: they equal the same module with padding 0. load_stream() honours it.
///
/// Types. float32 and float64; a stream runs in the type and on the device of its weights.
///
/// Weights. A stream keeps a copy of the weights it was made from; the module may be changed or
/// freed afterwards. Streams made of one module share that copy.
///
/// Memory. What comes in is copied; what comes out is contiguous and the caller's own.
///
/// Errors. torchstreamer::Error says what was wrong and what would work. Bad input (rank, type,
/// channels) leaves a stream as it was before the push.
///
/// Threads. A stream serves one thread at a time. Different streams, also of one module, may run
/// at the same time. Free functions are thread-safe.
#pragma once

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include "engine.h"
#include "registry.h"
#include "stream.h"

namespace torchstreamer {

/// torch.nn.Conv1d: any kernel, stride (longer than the kernel, too), dilation, groups, bias.
/// Output frame j is computed from input frames `[j * stride, j * stride + dilation * (kernel -
/// 1)]`. Source: torch.nn.functional.conv1d.
class Conv1dStream : public LayerStream {
 public:
  explicit Conv1dStream(const torch::nn::Conv1d& module);
};

/// torch.nn.ConvTranspose1d: any kernel (shorter than the stride, too), stride, dilation, groups,
/// bias. T input frames make `(T - 1) * stride + dilation * (kernel - 1) + 1 + output_padding`
/// output frames; those of the output padding hold the bias alone and come at the latest with the
/// final push. Source: torch.nn.functional.conv_transpose1d, as overlap-add.
class ConvTranspose1dStream : public LayerStream {
 public:
  explicit ConvTranspose1dStream(const torch::nn::ConvTranspose1d& module);
};

/// torch.nn.AvgPool1d and torch.nn.MaxPool1d: kernel, stride, MaxPool's dilation, ceil_mode (its
/// partial windows come with the final push). Without padding, count_include_pad makes no
/// difference. Any other module: Error "invalid pooling layer".
/// Source: torch.nn.functional.avg_pool1d, max_pool1d.
class Pool1dStream : public LayerStream {
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
class Elementwise1dStream : public LayerStream {
 public:
  explicit Elementwise1dStream(const torch::nn::AnyModule& module);
  template <class Holder, class Impl = typename Holder::ContainedType>
  explicit Elementwise1dStream(const Holder& module) : Elementwise1dStream(any_module(module)) {}
};

/// A torch::nn::Sequential that can stand inside of other modules: its forward() is no template.
class Sequential1dImpl : public torch::nn::SequentialImpl {
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
class Sequential1dStream : public LayerStream {
 public:
  explicit Sequential1dStream(const torch::nn::Sequential& module);
};

/// A residual connection for nets without padding: `net(x)` plus `x`, cropped at both sides to the
/// frames of `net(x)`. Where the number of frames to crop is odd, the end loses one more.
class Residual1dImpl : public torch::nn::Module {
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
class Residual1dStream : public LayerStream {
 public:
  explicit Residual1dStream(const Residual1d& module);
};

/// A TorchScript file, scripted or traced, over `[B, C, T]`, `[C, T]` or `[T]`, as a stream over
/// `[C, T]`: its outputs equal `model(x)` with Padding::kModel, edges included. The graph of
/// forward() is planned, and the plan with the model's padding is proven on random signals. Throws
/// Error for a file that cannot be read, Refusal (operator, module path, source line, reason) for a
/// model that cannot be streamed. Where the model treats signals of some lengths in another way,
/// the plan holds for the long ones: what is owed at the end of a short one (up to 8192 frames,
/// which are kept until then) comes from the model itself, if that agrees with what has left.
/// Otherwise, and at the end of a longer signal that the model does not take, the final push throws
/// an Error that names lengths near by that would work.
std::shared_ptr<BaseStream> load_stream(const std::string& path, LoadOptions options = {});

/// Process-wide: how many threads libtorch and OpenBLAS may take for one of their operators, so
/// where a stream runs through libtorch; native kernels compute in the thread that pushes. Many
/// streams scale over the cores by themselves: one thread serves them best, and is what `tsmodel`
/// sets before its first model where the environment variable OMP_NUM_THREADS does not say
/// otherwise. Elsewhere it is as the program left it. A thread that has run an operator before
/// keeps the number that it had. Throws Error for less than 1.
void set_threads(int threads);

namespace audio {

/// Resamples like torchaudio.functional.resample: `ceil(target_fs * T / source_fs)` frames for T,
/// always; bounded memory for all rates; no delay beyond the filter's half width. Equal rates pass
/// through. float32 or float64 frames on the CPU, `[T]` or `[C, T]`.
///
/// `resampling_method`: "sinc_interp_hann" or "sinc_interp_kaiser" (then `beta` shapes the window).
/// `lowpass_filter_width` > 0: zero crossings at either side. `rolloff` in (0, 1]: the cut-off as a
/// fraction of the lower Nyquist frequency. Throws Error for anything else, and beyond generous
/// bounds: rates of up to 2^20 without their common divisor, a width of up to 65536, |beta| <= 88.
/// Source: torchaudio.functional.resample; J. O. Smith, "Digital Audio Resampling Home Page".
class ResampleStream : public LayerStream {
 public:
  ResampleStream(int64_t source_fs, int64_t target_fs,
                 const std::string& resampling_method = "sinc_interp_hann",
                 int lowpass_filter_width = 6, double rolloff = 0.99,
                 double beta = 14.769656459379492);

 private:
  bool takes_rank_1() const override { return true; }
};

}  // namespace audio
}  // namespace torchstreamer
