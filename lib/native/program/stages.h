// Stages of a program: calls that process the same number of frames at a time.
#pragma once

#include "native/program/kernel_call.h"

namespace torchstreamer::native {

/// Sizes of steps and blocks.
struct BlockSizes {
  /// Maximum size of the frames of a step in all buffers, so that they stay in the L2 cache.
  int64_t step_bytes = 1 << 18;
  int64_t most_step_frames = 1024;
  /// Maximum size of the frames of a block in the buffers that no stage has alone: `step_bytes`, or
  /// the size of the weights divided by `weights_per_block` if that is more, up to this one.
  int64_t most_block_bytes = 1 << 22;
  int64_t most_block_frames = 2048;
  int64_t weights_per_block = 32;
};

/// The calls [first, end). They process a block at once, or in steps.
struct Stage {
  int first = 0, end = 0;
  bool has_steps = false;
};

/// The stages of a program. Those that have steps process a block in steps, which are so short that
/// their frames stay in the cache. The others process whole blocks, so that kernels of large
/// weights compute many frames for each reading of the weights:
///
///     calls     0   1   2   3   4   5
///               ----->|                    high rate: many frames, small weights
///               ----->|
///               ----->|
///                     |------>|            low rate: few frames, large weights
///                             |----->      high rate
///                             |----->
///                             |----->
struct Stages {
  std::vector<Stage> stages;
  int64_t step_frames = 1, block_frames = 1;  ///< frames of the source; a block has whole steps
};

/// Divides the calls into stages, and sets BufferPlan::stage.
Stages divide_into_stages(const std::vector<KernelCall>& calls, std::vector<BufferPlan>& buffers,
                          const BufferView& output, const BlockSizes& sizes);

}  // namespace torchstreamer::native
