#include "native/kernels/convolve.h"

#include <algorithm>

#include "native/kernels/floats.h"
#include "native/simd/convolution.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::native {
namespace {

// Two of the largest tiles.
constexpr int64_t kConvolvedAtOnce = 24;

class Convolve : public Kernel {
 public:
  Convolve(const ConvolutionShape& shape, const Tensor& weight, const Tensor& bias, int64_t x_pitch,
           bool adds)
      : stride_(shape.stride),
        convolution_(shape, Floats(weight), Floats(bias), x_pitch, shape.channels_out, adds) {}

  int64_t needs_from(int, int64_t first) const override { return first * stride_; }
  void run(const FrameReader* in, const Step& step, float* y, KernelState*) const override {
    convolution_.run({in[0].at(step.first * stride_), y, step.frames});
  }
  int64_t frames_at_once() const override { return kConvolvedAtOnce; }
  int64_t shared_bytes() const override { return convolution_.bytes(); }
  void run_together(const KernelRun* runs, int count) const override {
    Segment segments[kMostTogether];
    for (int r = 0; r < count; ++r)
      segments[r] = {runs[r].in[0].at(runs[r].first * stride_), runs[r].y, runs[r].frames};
    convolution_.run(segments, count);
  }
  int64_t weights_bytes() const override { return convolution_.bytes(); }

 private:
  int64_t stride_;
  Convolution convolution_;
};

class ConvolveTransposed : public Kernel {
 public:
  ConvolveTransposed(const ConvolutionShape& shape, const TransposedConvolution1d& c,
                     int64_t x_pitch)
      : stride_(shape.stride),
        channels_(shape.channels_out + (c.envelope.defined() ? 1 : 0)),
        envelope_(floats_in(c.envelope)),
        has_gaps_(span_frames(shape.kernel, shape.dilation) < shape.stride),
        convolution_(shape, Floats(c.weight), Floats(c.bias), x_pitch, channels_) {}

  // Outputs are computed in whole strides. If the kernel is shorter than the stride, the signal may
  // end inside a stride, because outputs in the gap after the kernel exist only if an input
  // follows.
  int64_t granularity_frames() const override { return has_gaps_ ? 1 : stride_; }
  int64_t needs_from(int, int64_t first) const override {
    return floor_div(first, stride_) - (convolution_.taps() - 1);
  }

  void run(const FrameReader* in, const Step& step, float* y, KernelState* state) const override {
    if (!has_gaps_) {
      const KernelRun run{in, step.first, step.frames, y, state};
      return run_together(&run, 1);
    }
    const int64_t end = step.first + step.frames;
    for (int64_t f = step.first, some; f < end; f += some, y += some * channels_) {
      const int64_t skipped = f % stride_;
      some = std::min(stride_ - skipped, end - f);
      float* stride = static_cast<Stride*>(state)->samples.data();
      const KernelRun run{in, f, 1, stride, nullptr};
      run_together(&run, 1);
      std::copy_n(stride + skipped * channels_, some * channels_, y);
    }
  }

  int64_t frames_at_once() const override { return kConvolvedAtOnce * stride_; }
  int64_t shared_bytes() const override { return has_gaps_ ? 0 : convolution_.bytes(); }
  // Computes whole strides.
  void run_together(const KernelRun* runs, int count) const override {
    Segment segments[kMostTogether];
    for (int r = 0; r < count; ++r)
      segments[r] = {runs[r].in[0].at(needs_from(0, runs[r].first)), runs[r].y, strides(runs[r])};
    convolution_.run(segments, count);
    for (int r = 0; !envelope_.empty() && r < count; ++r) write_envelope(runs[r]);
  }

  std::unique_ptr<KernelState> start() const override {
    if (!has_gaps_) return nullptr;
    return std::make_unique<Stride>(stride_ * channels_);
  }
  int64_t weights_bytes() const override { return convolution_.bytes(); }

 private:
  struct Stride : KernelState {
    explicit Stride(int64_t count) : samples(count) {}
    AlignedFloats samples;
    int64_t bytes() const override { return static_cast<int64_t>(samples.size() * sizeof(float)); }
  };

  int64_t strides(const KernelRun& run) const { return ceil_div(run.frames, stride_); }

  void write_envelope(const KernelRun& run) const {
    const int64_t begin = floor_div(run.first, stride_) * stride_;
    for (int64_t f = 0; f < strides(run) * stride_; ++f)
      run.y[(f + 1) * channels_ - 1] = envelope_sum(begin + f, run.in[0].count());
  }

  // Returns the last channel of an output frame: the sum of the envelopes of its inputs.
  float envelope_sum(int64_t frame, int64_t inputs) const {
    float sum = 0;
    for (int64_t i = frame / stride_, k = frame % stride_;
         i >= 0 && k < static_cast<int64_t>(envelope_.size()); --i, k += stride_)
      if (i < inputs) sum += envelope_[k];
    return sum;
  }

  int64_t stride_, channels_;
  AlignedFloats envelope_;
  bool has_gaps_;
  TransposedConvolution convolution_;
};

}  // namespace

KernelPtr make_convolution(const Convolution1d& c, int64_t x_pitch, bool adds) {
  const ConvolutionShape shape{c.weight.size(1) * c.groups,
                               c.weight.size(0),
                               c.weight.size(2),
                               c.stride,
                               c.dilation,
                               c.groups};
  return std::make_unique<Convolve>(shape, c.weight, c.bias, x_pitch, adds);
}

ZeroFrames zeros_around(const TransposedConvolution1d& c, const Timing& timing) {
  const int64_t taps = ceil_div(span_frames(c.weight.size(2), c.dilation), c.stride);
  // After the end there may be outputs that depend on no input: those of output_padding.
  return {taps - 1, ceil_div(timing.frames_out(1, /*final=*/true), c.stride) - 1};
}

KernelPtr make_transposed_convolution(const TransposedConvolution1d& c, int64_t x_pitch) {
  const ConvolutionShape shape{c.weight.size(0), c.weight.size(1) * c.groups,
                               c.weight.size(2), c.stride,
                               c.dilation,       c.groups};
  return std::make_unique<ConvolveTransposed>(shape, c, x_pitch);
}

}  // namespace torchstreamer::native
