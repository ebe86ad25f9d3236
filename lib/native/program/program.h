// A network compiled for the processor: the same processes with the same timing, in float32, over
// memory that is there before the first frame comes.
#pragma once

#include "native/kernels/kernel.h"
#include "network/counting.h"
#include "network/network.h"

namespace torchstreamer::native {

/// Immutable and thread-safe: the packed weights and the plan of every stream's memory.
class Program {
 public:
  /// What is kept of the frames of one edge.
  struct Track {
    int64_t pitch = 0;            ///< floats from one frame to the next
    Rational rate = {1};          ///< frames for each of the source
    int64_t lead = 0, trail = 0;  ///< frames of zeros before and behind the signal
    int64_t room_frames = 0;      ///< what signals were found to need
    bool is_ring = false;         ///< see native::Track
    int memory = 0;               ///< which one it lies in: what keeps nothing shares
  };
  /// A kernel, what it reads and where it writes.
  struct Step {
    KernelPtr kernel;
    int node = 0;  ///< whose frames it makes
    std::vector<View> in;
    std::vector<int> in_nodes;  ///< whose frames the inputs are, or Network::kSource
    int track = 0;
    bool is_state = false;  ///< takes what comes also when nothing leaves
  };

  /// `in`: the format of the source, float32 frames of known channels on the CPU. Processes without
  /// a kernel run through their own State.
  Program(std::vector<Network::Node> nodes, const Format& in);

  /// Runs the program; State::push_frames() does without libtorch, but for such processes. Must not
  /// outlive it.
  std::unique_ptr<State> start() const;

  const std::vector<Network::Node>& nodes() const { return nodes_; }
  /// Whether the process runs through its own State.
  bool is_fallback(int node) const { return is_fallback_.at(node); }
  int64_t weights_bytes() const;

  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Track>& tracks() const { return tracks_; }
  const Counting& counting() const { return counting_; }
  const View& output() const { return output_; }
  int64_t channels_in() const { return channels_in_; }
  /// Frames of the source that run through the network at once.
  int64_t block_frames() const { return block_frames_; }

 private:
  void warm_up();
  void share_memory();
  bool keeps_nothing(int track) const;

  std::vector<Network::Node> nodes_;
  Counting counting_;
  std::vector<bool> is_fallback_;
  std::vector<Step> steps_;  // in the order in which they run
  std::vector<Track> tracks_;
  View output_;
  int64_t channels_in_ = 0, block_frames_ = 1;
};

}  // namespace torchstreamer::native
