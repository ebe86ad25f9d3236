// The processes that replace a graph, with the frames and formats between them.
#pragma once

#include "graph/plan/refusal.h"
#include "graph/plan/value.h"
#include "network/counting.h"
#include "network/network.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// A network under construction, process by process. A Stream refers to the output of a process.
/// Not thread-safe.
class Plan {
 public:
  /// `source`: format of the signal. `shape`: shape of the tensor that forward() takes, -1 at its
  /// time axis. The first process reshapes the signal to it. `sampled`: see Lengths::sampled().
  Plan(Format source, const std::vector<int64_t>& shape, Padding padding,
       std::vector<int64_t> sampled);

  Padding padding() const { return padding_; }
  /// See LoadOptions::max_memory_frames.
  int64_t max_memory_frames() const { return max_memory_frames_; }
  void set_max_memory_frames(int64_t frames) { max_memory_frames_ = frames; }
  const Format& source() const { return source_; }
  /// The argument of forward().
  const Stream& signal() const { return signal_; }
  /// The processes so far; Stream::node is an index of them.
  const std::vector<Network::Node>& nodes() const { return nodes_; }
  const Counting& counting() const { return counting_; }

  /// Adds a process that reads `inputs`. Returns its output, which equals `like` except for the
  /// channels. The process is labelled with `origin`, if not null. Throws Refusal if the output has
  /// no channels, and the exception of the layer if it does not accept its inputs.
  Stream add(const Node* origin, LayerPtr layer, const std::vector<Stream>& inputs, Stream like);

  /// Frames of `stream` for a signal of `source_frames`.
  int64_t frames(const Stream& stream, int64_t source_frames) const;
  /// Period of the frames of `stream`, in frames of the signal: if the signal has period_frames()
  /// more frames, the stream has a constant number of frames more. Formulas of the length are not
  /// included, see Lengths::period_frames(). 0 if unknown.
  int64_t period_frames(const Stream& stream) const;
  /// Length of the shortest signal for which all streams have frames, except those that never have.
  int64_t memory_frames() const { return memory_frames_; }
  Format format(const Stream& stream) const;

 private:
  /// Frames of a stream by the length of the signal.
  struct Edge {
    Format format;
    Rational rate;                                        ///< frames for each frame of the signal
    int64_t period_frames;                                ///< see period_frames()
    std::shared_ptr<const std::vector<int64_t>> sampled;  ///< frames at the sampled lengths
  };
  Edge edge_after(const Network::Node& node, const std::vector<Stream>& inputs) const;
  std::shared_ptr<const std::vector<int64_t>> sampled_frames(
      const Layer& layer, const std::vector<Stream>& inputs) const;
  void update_memory(const Stream& stream);

  Format source_;
  Padding padding_;
  std::vector<int64_t> sampled_;
  Stream signal_;
  std::vector<Network::Node> nodes_;
  Counting counting_;        // counts of nodes_
  std::vector<Edge> edges_;  // outputs of nodes_
  int64_t memory_frames_ = 1, max_memory_frames_ = 0;
  // The counts of the last length: many streams are counted for the same length.
  mutable int64_t counted_frames_ = -1;
  mutable std::vector<Count> counts_;
};

}  // namespace torchstreamer::graph
