// Convolutions over time-major frames, with their weights laid out for the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "native/memory.h"

namespace torchstreamer::native {

struct ConvolutionShape {
  int64_t channels_in = 0, channels_out = 0;
  int64_t kernel = 1, stride = 1, dilation = 1, groups = 1;
};

/// y[t, o] = bias[o] + sum over k, i of weight[o, i, k] * x[t * stride + k * dilation, i].
///
/// Every output sample is one sum in one order, so its bits depend neither on the number of frames
/// of a call nor on where they begin; they do depend on the instructions of the processor. Long
/// sums are made in parts, which keeps their rounding small. Immutable; thread-safe.
class Convolution {
 public:
  /// `weight`: [channels_out, channels_in / groups, kernel]; `bias`: [channels_out], or null.
  /// `x_pitch`, `y_pitch`: floats from one frame to the next.
  /// `adds`: to what is in y already.
  Convolution(const ConvolutionShape& shape, const float* weight, const float* bias,
              int64_t x_pitch, int64_t y_pitch, bool adds = false);

  /// `x`: the first frame that the first of the `frames` outputs is computed from.
  void run(const float* x, float* y, int64_t frames) const;

  int64_t bytes() const { return static_cast<int64_t>(weights_.size() * sizeof(float)); }

  // How the sums are laid out; for the kernels.

  /// Terms whose inputs lie one after the other.
  struct Terms {
    int64_t x_offset = 0;
    int64_t count = 0;
  };
  /// Output channels that are computed together, from weights [terms][vectors * lanes], the last
  /// lanes of which may be empty; or one output channel, with the inputs as lanes.
  struct Block {
    int64_t x_offset = 0, y_offset = 0;
    int64_t vectors = 1, lanes = 1, channels = 1;
    int64_t weights_at = 0, bias_at = 0;
  };
  struct Layout {
    int64_t x_step = 0, y_step = 0;  // floats from one output frame to the next
    bool adds = false;
    std::vector<Terms> terms;
    std::vector<int64_t> parts;  // entries of `terms`, one part of the sum after the other
    std::vector<Block> blocks;
  };

 private:
  Layout layout_;
  enum class Lanes { kOutputs, kInputs, kChannels } lanes_are_ = Lanes::kOutputs;
  AlignedFloats weights_, bias_;
};

/// y[t * stride + k] += weight[i, o, k] * x[t, i], plus the bias: for each stride of outputs a
/// convolution of its own, over as many inputs as reach it. Immutable; thread-safe.
class TransposedConvolution {
 public:
  /// `weight`: [channels_in, channels_out / groups, kernel]; no dilation.
  TransposedConvolution(const ConvolutionShape& shape, const float* weight, const float* bias,
                        int64_t x_pitch, int64_t y_pitch);

  /// Inputs that an output is summed from, at most: it sees its own and the ones before.
  int64_t taps() const { return taps_; }
  /// `x`: the input frame `index - taps() + 1`, where `index` is the first one whose stride of
  /// outputs is wanted; frames before the first and behind the last input are zeros. `y`: `frames`
  /// strides of outputs.
  void run(const float* x, float* y, int64_t frames) const;

  int64_t bytes() const;

 private:
  struct Phase {
    Convolution convolution;
    int64_t x_offset, y_offset;
  };
  int64_t taps_;
  std::vector<Phase> phases_;
};

}  // namespace torchstreamer::native
