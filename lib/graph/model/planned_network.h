// The network of a plan, with the lengths of the signal for which it is exact.
#pragma once

#include <memory>
#include <mutex>

#include "graph/model/guards.h"
#include "graph/model/layout.h"
#include "native/program/program.h"
#include "network/network.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// A network with the lengths of the signal for which it is exact. At the end of a signal of a
/// different length, the model itself computes the remaining output from the whole signal if the
/// signal has at most Guards::kKeptFrames frames. Throws Error if the signal is longer, or if the
/// output so far differs from the model's.
class PlannedNetwork : public Network {
 public:
  /// `call`: the call of forward() that the network equals.
  PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards, ForwardCall call,
                 Execution execution);

  std::unique_ptr<State> start() const override;
  std::string describe() const override;
  int64_t packed_bytes() const override;

  /// Sets how the plan was proven, if it was not compared with the model on signals of all lengths
  /// that matter; describe() contains it. Not thread-safe.
  void set_proof(std::string proof) { proof_ = std::move(proof); }
  const std::string& proof() const { return proof_; }

  const Guards& guards() const { return *guards_; }
  const ForwardCall& call() const { return call_; }
  /// The compiled network; null if libtorch executes it.
  const native::Program* program() const;

 private:
  std::unique_ptr<State> start_network() const;

  std::shared_ptr<const Guards> guards_;
  ForwardCall call_;
  Execution execution_;
  std::string proof_;
  mutable std::once_flag compiled_;  // set by the first stream
  mutable std::unique_ptr<const native::Program> program_;
};

}  // namespace torchstreamer::graph
