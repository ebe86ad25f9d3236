// The order of a convolution's weights in memory, for vectors of the processor.
#pragma once

#include <cstdint>
#include <vector>

#include "native/simd/memory.h"

namespace torchstreamer::native {

struct ConvolutionShape {
  int64_t channels_in = 0, channels_out = 0;
  int64_t kernel = 1, stride = 1, dilation = 1, groups = 1;
};

/// Number of floats in a vector of the processor, and in the part of a vector that is used for few
/// output channels. The two may be equal.
struct Lanes {
  int64_t wide = 1, narrow = 1;
};

/// The weights of a convolution in the order in which the inner loops read them.
struct ConvolutionLayout {
  /// Meaning of the lanes of a vector.
  /// kOutputs: output channels, all of which read the same input.
  /// kInputs: inputs of one output channel, if there are few output channels.
  /// kDiagonals: output channels that read consecutive inputs, if the weights are on few diagonals
  /// (depthwise convolutions, convolutions over the samples of a frame).
  enum { kOutputs, kInputs, kDiagonals } lanes_are = kOutputs;

  /// `count` terms of the sums, with consecutive inputs. For a diagonal, one term for each lane in
  /// the bit mask `lanes`; its bits are in [first_lane, first_lane + count).
  struct Terms {
    int64_t x_offset = 0;
    int64_t count = 0;
    int64_t first_lane = 0;
    uint64_t lanes = 0;
  };
  /// A part of the sum. `entries`: number of entries of `terms`; `weights`: number of weight
  /// vectors for each vector of the block.
  struct Part {
    int64_t entries = 0, weights = 0;
  };
  /// Output channels that are computed together, with weights [weights][vectors * lanes]; the last
  /// lanes may be unused. One channel for kInputs. If most weights are zero, inputs that no channel
  /// of the block uses are omitted.
  struct Block {
    int64_t x_offset = 0, y_offset = 0;
    int64_t vectors = 1, lanes = 1, channels = 1;
    int64_t weights_at = 0, bias_at = 0;
    int64_t terms_at = 0, parts_at = 0, parts = 0;
  };

  int64_t x_step = 0, y_step = 0;  ///< floats from one output frame to the next
  bool adds = false;               ///< adds to the values of y
  std::vector<Terms> terms;        ///< blocks may share terms, parts and weights
  std::vector<Part> parts;
  std::vector<Block> blocks;
  Weights weights;
  AlignedFloats bias;
  int64_t multiply_adds = 0;  ///< per output frame, including unused lanes
};

/// Returns the layout with the fewest multiply-adds. `weight`: [channels_out, channels_in / groups,
/// kernel]; `bias`: [channels_out], or null. `x_pitch`: floats from one input frame to the next.
/// The caller sets y_step and adds.
ConvolutionLayout make_layout(const ConvolutionShape& shape, const float* weight, const float* bias,
                              int64_t x_pitch, Lanes lanes);

}  // namespace torchstreamer::native
