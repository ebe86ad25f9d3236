// A network compiled for the processor. It has the same processes and the same timing, computes in
// float32 and allocates all memory before the first frame.
#pragma once

#include "native/program/kernel_call.h"
#include "native/program/stages.h"
#include "network/counting.h"
#include "network/network.h"

namespace torchstreamer::native {

/// The kernels that a stream runs.
enum class Work {
  kAll,
  kFallbacks,  ///< those of layers without a native kernel: the memory is that of a running stream
  kCounts,     ///< none: only frames are counted
};

/// Packed weights and the plan of every stream's memory. Immutable and thread-safe.
class Program {
 public:
  /// `in`: format of the source, float32 frames with a known number of channels on the CPU. Layers
  /// without a kernel are executed by their own State.
  Program(std::vector<Network::Node> nodes, const Format& in, const BlockSizes& sizes = {});

  /// Starts a stream. Its State::push_frames() uses no libtorch, except for layers without a
  /// kernel. The state must not outlive the program. The output is undefined unless all kernels
  /// run.
  std::unique_ptr<State> start(Work work = Work::kAll) const;

  const std::vector<Network::Node>& nodes() const { return nodes_; }
  /// Returns true if the layer of a node is executed by its own State.
  bool is_fallback(int node) const { return is_fallback_.at(node); }
  int64_t weights_bytes() const;

  const std::vector<KernelCall>& calls() const { return calls_; }
  const std::vector<BufferPlan>& buffers() const { return buffers_; }
  const Counting& counting() const { return counting_; }
  const BufferView& output() const { return output_; }
  int64_t channels_in() const { return channels_in_; }
  const std::vector<Stage>& stages() const { return stages_.stages; }
  /// Number of source frames of a step, a divisor of block_frames().
  int64_t step_frames() const { return stages_.step_frames; }
  /// Number of source frames of a block: all stages process a block before the next one.
  int64_t block_frames() const { return stages_.block_frames; }
  /// Returns true if pushes of several streams take less time together, see joint_push.h.
  bool gains_together() const;

 private:
  void find_calls_together();

  std::vector<Network::Node> nodes_;
  Counting counting_;
  std::vector<bool> is_fallback_;
  std::vector<KernelCall> calls_;  // in the order of execution
  std::vector<BufferPlan> buffers_;
  BufferView output_;
  int64_t channels_in_ = 0;
  Stages stages_;
};

}  // namespace torchstreamer::native
