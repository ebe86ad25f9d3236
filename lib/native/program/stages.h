// Stages of a program: calls that process the same number of frames at a time.
#pragma once

#include "native/program/kernel_call.h"

namespace torchstreamer::native {

/// Sizes of blocks.
struct BlockSizes {
  /// Size of the frames of a step in all buffers, so that they stay in the L2 cache.
  int64_t step_bytes = 1 << 18;
  int64_t most_step_frames = 1024;
  /// Blocks are longer than a step if kernels need more frames at once. Then the frames that the
  /// stages pass on are small, or small compared with the weights, which every block reads.
  int64_t most_block_bytes = 1 << 22;
  int64_t most_block_frames = 2048;
  int64_t weights_per_block = 32;
};

/// Consecutive calls.
struct Stage {
  int first = 0, end = 0;
  bool has_steps = false;
};

/// The stages of a program. Those that have steps process a block in steps, which are so short that
/// their frames stay in the cache. The others process whole blocks, so that kernels of large
/// weights compute many frames for each reading of the weights:
///
///     calls     0   1   2   3   4   5
///     step 0    ----->|       |----->      high rate: many frames, small weights
///     step 1    ----->|       |----->
///     step 2    ----->|       |----->
///     block           |------>|            low rate: few frames, large weights
struct Stages {
  std::vector<Stage> stages;
  int64_t step_frames = 1, block_frames = 1;  ///< frames of the source
};

/// Divides the calls into stages, and sets BufferPlan::stage.
Stages divide(const std::vector<KernelCall>& calls, std::vector<BufferPlan>& buffers,
              const BufferView& output, const BlockSizes& sizes);

}  // namespace torchstreamer::native
