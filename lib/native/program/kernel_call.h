// The parts of a program: buffers and the calls of kernels that fill them.
#pragma once

#include <vector>

#include "native/kernels/kernel.h"

namespace torchstreamer::native {

/// The edge buffer of every stream for one edge.
struct BufferPlan {
  int64_t pitch = 0;            ///< floats from one frame to the next
  Rational rate = {1};          ///< frames for each frame of the source
  int64_t lead = 0, trail = 0;  ///< frames of zeros before and after the signal
  int64_t room_frames = 0;      ///< capacity from the start of a stream on
  bool is_ring = false;         ///< see EdgeBuffer
  int memory = 0;               ///< index of its memory, which buffers that keep no frames share
};

/// A kernel, the views that it reads and the buffer that it writes.
struct KernelCall {
  KernelPtr kernel;
  int node = 0;  ///< node whose frames it computes
  std::vector<BufferView> in;
  std::vector<int> in_nodes;  ///< nodes whose frames the inputs are; may be Network::kSource
  int buffer = 0;
  bool is_fallback = false;  ///< runs a State, which takes all input, also without output
};

/// Calls in the order in which they run, and their buffers.
struct CompiledNetwork {
  std::vector<KernelCall> calls;
  std::vector<BufferPlan> buffers;  ///< buffer 0 takes the source
  BufferView output;
  std::vector<bool> is_fallback;  ///< for each node
  int64_t floats_per_frame = 0;   ///< in all buffers together, for one frame of the source
};

}  // namespace torchstreamer::native
