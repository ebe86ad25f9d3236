// Convolutions over time-major frames, with their weights laid out for the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "native/simd/convolution_layout.h"

namespace torchstreamer::native {

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

  int64_t bytes() const { return static_cast<int64_t>(layout_.weights.size() * sizeof(float)); }
  /// For each output frame, with those of lanes whose weights are zero.
  int64_t multiply_adds() const { return layout_.multiply_adds; }

 private:
  ConvolutionLayout layout_;
};

/// y[t * stride + k * dilation] += weight[i, o, k] * x[t, i], plus the bias: for each of the
/// `stride` outputs of an input a convolution of its own, over the inputs that reach it. Immutable;
/// thread-safe.
class TransposedConvolution {
 public:
  /// `weight`: [channels_in, channels_out / groups, kernel].
  TransposedConvolution(const ConvolutionShape& shape, const float* weight, const float* bias,
                        int64_t x_pitch, int64_t y_pitch);

  /// As many inputs as an output sees, at most: its own and the ones before.
  int64_t taps() const { return taps_; }
  /// `x`: the input frame `index - taps() + 1`, where `index` is the first one whose stride of
  /// outputs is wanted; frames before the first and behind the last input are zeros. `y`: `frames`
  /// strides of outputs.
  void run(const float* x, float* y, int64_t frames) const;

  int64_t bytes() const;
  /// For each input frame, with those of lanes whose weights are zero.
  int64_t multiply_adds() const;

 private:
  struct Phase {
    Convolution convolution;
    int64_t x_offset, y_offset;
  };
  // The outputs that no input reaches: the bias, in `frames` strides.
  void fill_gaps(float* y, int64_t frames) const;

  int64_t taps_, y_step_;
  std::vector<Phase> phases_;
  std::vector<int64_t> gaps_;  // y_offset of each
  std::vector<float> bias_;
};

}  // namespace torchstreamer::native
