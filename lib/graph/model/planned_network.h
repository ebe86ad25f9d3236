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

/// A network with the lengths of the signal for which it is exact. The end of a signal of a
/// different length depends on CallOptions::tail:
///
///     kAuto, kShort   The model itself computes the remaining output from the whole signal if the
///                     signal has at most Guards::kKeptFrames frames. Throws Error if the signal is
///                     longer, or if the output so far differs from the model's.
///     kPad            The network processes silence up to the next length for which it is exact.
///                     The output is shortened in proportion to the silence.
///     kDrop           The remaining output is dropped.
class PlannedNetwork : public Network {
 public:
  /// `call`: the call of forward() that the network equals.
  PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards, ForwardCall call,
                 Execution execution);
  /// Returns `network` with a different end of signals. Returns `network` itself if it ends all
  /// signals as `tail` says.
  static std::shared_ptr<PlannedNetwork> with_tail(std::shared_ptr<PlannedNetwork> network,
                                                   Tail tail);

  std::unique_ptr<State> start() const override;
  /// Starts a stream whose native kernels do not run: its memory is that of any stream, its output
  /// is undefined.
  std::unique_ptr<State> start_without_kernels() const;
  bool gains_together() const override;
  void push_together(Push* const* pushes, int count) const override;
  /// Number of input frames of the longest push that should run together with others.
  int64_t most_frames_together() const;
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
  PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards, ForwardCall call,
                 Execution execution, Tail tail);
  std::unique_ptr<State> started(native::Work work) const;
  // Returns true if start() returns a GuardedState.
  bool is_guarded() const { return !guards_->all().empty() || guards_->offline(); }

  std::shared_ptr<const Guards> guards_;
  ForwardCall call_;
  Execution execution_;
  Tail tail_;
  std::string proof_;
  mutable std::once_flag compiled_;  // set by the first stream
  mutable std::unique_ptr<const native::Program> program_;
};

}  // namespace torchstreamer::graph
