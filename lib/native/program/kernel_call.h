// The parts of a program: buffers and the calls of kernels that fill them.
#pragma once

#include <vector>

#include "native/kernels/kernel.h"

namespace torchstreamer::native {

/// Plan of the edge buffer that every stream has for one edge of the network.
struct BufferPlan {
  static constexpr int kNoStage = -1;

  int64_t pitch = 0;            ///< floats from one frame to the next
  Rational rate = {1};          ///< frames per frame of the source
  int64_t lead = 0, trail = 0;  ///< frames of zeros before and after the signal
  int64_t room_frames = 0;      ///< capacity in frames at the start of a stream
  bool is_ring = false;         ///< see EdgeBuffer
  int memory = 0;               ///< index of its memory; buffers that keep no frames may share one
  /// Index of the stage with steps that writes and reads all frames, see Stages.
  int stage = kNoStage;
};

/// A kernel, the views that it reads and the buffer that it writes.
struct KernelCall {
  KernelPtr kernel;
  int node = 0;  ///< node whose frames it computes
  std::vector<BufferView> in;
  std::vector<int> in_nodes;  ///< nodes whose frames are the inputs; may be Network::kSource
  int buffer = 0;
  /// Runs a State, which processes all input, even if there is no output.
  bool is_fallback = false;
  /// Maximum number of source frames of a block, on average over several streams, for which the
  /// kernel runs once for all streams: its weights are then larger than its output. -1: it never
  /// does.
  int64_t most_frames_together = -1;
};

/// Calls in the order of execution, and their buffers.
struct CompiledNetwork {
  std::vector<KernelCall> calls;
  std::vector<BufferPlan> buffers;  ///< buffer 0 contains the frames of the source
  BufferView output;
  std::vector<bool> is_fallback;  ///< for each node
};

}  // namespace torchstreamer::native
