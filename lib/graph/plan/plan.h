// The processes that replace a graph, with the frames and formats between them.
#pragma once

#include "graph/plan/refusal.h"
#include "graph/plan/value.h"
#include "network/counting.h"
#include "network/network.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// A network under construction, process by process. A Stream refers to the output of a process.
class Plan {
 public:
  /// `source`: format of the signal. `shape`: shape of the tensor that forward() takes, -1 at its
  /// time axis. The first process reshapes the signal to it.
  Plan(Format source, const std::vector<int64_t>& shape, Padding padding);

  Padding padding() const { return padding_; }
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
  Format format(const Stream& stream) const;

 private:
  std::vector<int64_t> sampled_frames(const Layer& layer, const std::vector<Stream>& inputs) const;

  Format source_;
  Padding padding_;
  Stream signal_;
  std::vector<Network::Node> nodes_;
  Counting counting_;            // counts of nodes_
  std::vector<Format> formats_;  // formats of the outputs of nodes_
  // Frames of the outputs of nodes_ for sampled_lengths().
  std::vector<std::vector<int64_t>> sampled_;
};

}  // namespace torchstreamer::graph
