// How the sums of a convolution lie in the lanes of vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "native/memory.h"

namespace torchstreamer::native {

struct ConvolutionShape {
  int64_t channels_in = 0, channels_out = 0;
  int64_t kernel = 1, stride = 1, dilation = 1, groups = 1;
};

/// Floats of a vector of the processor, and of a part of one for few output channels, which may be
/// the same.
struct Lanes {
  int64_t wide = 1, narrow = 1;
};

/// The weights of a convolution in the order in which its loops read them.
struct ConvolutionLayout {
  /// What the lanes of a vector are: output channels, all of which read each input; with few of
  /// those the inputs of one output; or, where each output channel has one input, such channels.
  enum { kOutputs, kInputs, kChannels } lanes_are = kOutputs;

  /// Terms of the sums whose inputs lie one after the other.
  struct Terms {
    int64_t x_offset = 0;
    int64_t count = 0;
  };
  /// Output channels that are computed together, from weights [terms][vectors * lanes], the last
  /// lanes of which may be empty; one channel where the lanes are inputs.
  struct Block {
    int64_t x_offset = 0, y_offset = 0;
    int64_t vectors = 1, lanes = 1, channels = 1;
    int64_t weights_at = 0, bias_at = 0;
  };

  int64_t x_step = 0, y_step = 0;  ///< floats from one output frame to the next
  bool adds = false;               ///< to what is in y already
  std::vector<Terms> terms;
  std::vector<int64_t> parts;  ///< entries of `terms`, one part of the sum after the other
  std::vector<Block> blocks;
  AlignedFloats weights, bias;
};

/// `weight`: [channels_out, channels_in / groups, kernel]; `bias`: [channels_out], or null.
/// `x_pitch`: floats from one input frame to the next. Leaves y_step and adds as they are.
ConvolutionLayout lay_out(const ConvolutionShape& shape, const float* weight, const float* bias,
                          int64_t x_pitch, Lanes lanes);

}  // namespace torchstreamer::native
