// Convolutions over time-major frames, with their weights in the best order for the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "native/simd/convolution_layout.h"
#include "native/simd/segment.h"

namespace torchstreamer::native {

/// y[t, o] = bias[o] + sum over k, i of weight[o, i, k] * x[t * stride + k * dilation, i].
///
/// The terms of an output sample are always added in the same order. Its bits depend on the
/// instruction set of the processor, but not on the number of frames of a call or their position.
/// Long sums are computed in parts, so that rounding errors are small. Immutable and thread-safe.
class Convolution {
 public:
  /// `weight`: [channels_out, channels_in / groups, kernel]; `bias`: [channels_out], or null.
  /// `x_pitch`, `y_pitch`: floats from one frame to the next.
  /// `adds`: true to add the result to the values of y.
  Convolution(const ConvolutionShape& shape, const float* weight, const float* bias,
              int64_t x_pitch, int64_t y_pitch, bool adds = false);

  /// Computes the output frames of `count` segments. Tiles contain frames of several segments, so
  /// that the weights are read once for all.
  void run(const Segment* segments, int count) const;
  void run(const Segment& segment) const { run(&segment, 1); }

  int64_t bytes() const { return static_cast<int64_t>(layout_.weights.size() * sizeof(float)); }
  /// Number of multiply-adds per output frame, including lanes with a weight of zero.
  int64_t multiply_adds() const { return layout_.multiply_adds; }

 private:
  ConvolutionLayout layout_;
};

/// y[t * stride + k * dilation, o] += weight[i, o, k] * x[t, i], plus bias[o]. Each of the `stride`
/// phases of the output is computed as a convolution over the inputs that it depends on;
/// consecutive phases with the same inputs are one convolution. Immutable and thread-safe.
class TransposedConvolution {
 public:
  /// `weight`: [channels_in, channels_out / groups, kernel]; `bias`: [channels_out], or null.
  TransposedConvolution(const ConvolutionShape& shape, const float* weight, const float* bias,
                        int64_t x_pitch, int64_t y_pitch);

  /// Maximum number of input frames that an output frame depends on: the input frame of its stride
  /// and earlier ones.
  int64_t taps() const { return taps_; }
  /// Computes the output frames of `count` segments of whole strides; Segment::frames is the number
  /// of strides. If the first stride is that of input frame `index`, Segment::x is input frame
  /// `index - taps() + 1`. Frames before the first and after the last input frame of the signal
  /// must be zeros. Changes the segments.
  void run(Segment* segments, int count) const;
  void run(Segment segment) const { run(&segment, 1); }

  int64_t bytes() const;
  /// Number of multiply-adds per input frame, including lanes with a weight of zero.
  int64_t multiply_adds() const;

 private:
  // Consecutive phases that read the same inputs.
  struct Phases {
    Convolution convolution;
    int64_t x_offset, y_offset;
  };
  // Writes the bias to the outputs that depend on no input, in `frames` strides.
  void fill_gaps(float* y, int64_t frames) const;

  int64_t taps_, y_step_;
  std::vector<Phases> phases_;
  std::vector<int64_t> gaps_;  // y_offset of each gap
  std::vector<float> bias_;
};

}  // namespace torchstreamer::native
