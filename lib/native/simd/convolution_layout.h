// How the sums of a convolution lie in the lanes of vectors.
#pragma once

#include <cstdint>
#include <vector>

#include "native/simd/memory.h"

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
  /// What the lanes of a vector are: outputs, all of which read each input; with few of those the
  /// inputs of one output; or, where the weights lie on few diagonals (each channel by itself,
  /// convolutions over the samples of a frame), outputs that read as many inputs in a row.
  enum { kOutputs, kInputs, kDiagonals } lanes_are = kOutputs;

  /// Terms of the sums whose inputs lie one after the other; or, of a diagonal, one term of those
  /// `lanes` among the `count` from `first_lane` on, a bit each.
  struct Terms {
    int64_t x_offset = 0;
    int64_t count = 0;
    int64_t first_lane = 0;
    uint64_t lanes = 0;
  };
  /// A part of the sum: so many entries of `terms`, with so many vectors of weights for each of the
  /// block's.
  struct Part {
    int64_t entries = 0, weights = 0;
  };
  /// Output channels that are computed together, from weights [weights][vectors * lanes], the last
  /// lanes of which may be empty; one channel where the lanes are inputs. Of weights that are
  /// mostly zeros the inputs that none of the block's channels sees are left out.
  struct Block {
    int64_t x_offset = 0, y_offset = 0;
    int64_t vectors = 1, lanes = 1, channels = 1;
    int64_t weights_at = 0, bias_at = 0;
    int64_t terms_at = 0, parts_at = 0, parts = 0;
  };

  int64_t x_step = 0, y_step = 0;  ///< floats from one output frame to the next
  bool adds = false;               ///< to what is in y already
  std::vector<Terms> terms;        ///< blocks may share them, parts and weights
  std::vector<Part> parts;
  std::vector<Block> blocks;
  Weights weights;
  AlignedFloats bias;
  int64_t multiply_adds = 0;  ///< of whole vectors, for each output frame
};

/// `weight`: [channels_out, channels_in / groups, kernel]; `bias`: [channels_out], or null.
/// `x_pitch`: floats from one input frame to the next. Leaves y_step and adds as they are.
ConvolutionLayout lay_out(const ConvolutionShape& shape, const float* weight, const float* bias,
                          int64_t x_pitch, Lanes lanes);

}  // namespace torchstreamer::native
