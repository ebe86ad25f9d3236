// What a plan becomes: a network, and what it was decided to hold for the length of the signal.
#pragma once

#include <functional>
#include <mutex>

#include "native/program/program.h"
#include "network/network.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// What was decided while planning, tried again for a signal of `source_frames`.
struct Guard {
  std::function<bool(int64_t source_frames)> holds;
  std::string violation;  ///< what is wrong where it does not hold, and the place in the model
};

/// The model itself: `[C, T]` in, `[C', T']` out. Throws what the model throws. Thread-safe.
using OfflineRule = std::function<Tensor(const Tensor& x)>;

/// The guards of a plan. Thread-safe.
class Guards {
 public:
  /// `owner` keeps alive what the guards compute with. `offline`: null where the plan is not meant
  /// to equal the model. `least_frames`: of a signal that the network makes output of.
  Guards(std::shared_ptr<const void> owner, std::vector<Guard> guards, OfflineRule offline,
         Format in, int64_t least_frames);

  /// What is wrong with a signal of this length; null where the plan holds for it.
  const std::string* violation(int64_t source_frames) const;

  /// Signals of up to this many frames, which the plan does not hold for, are kept and end with an
  /// offline run.
  static constexpr int64_t kKeptFrames = 8192;
  const OfflineRule& offline() const { return offline_; }
  const Format& in() const { return in_; }
  /// How long the signals are that may need the model itself in the end.
  int64_t kept_frames() const;
  /// How many frames the model makes of a signal that the plan does not hold for. None where the
  /// plan holds, or where the model refuses the signal, too; a signal without frames it may refuse.
  std::optional<int64_t> offline_frames(int64_t source_frames) const;

  /// The error for a signal that the plan does not hold for: what is wrong, and which lengths near
  /// by would work.
  std::string describe_violation(int64_t source_frames) const;

  const std::vector<Guard>& all() const { return guards_; }

 private:
  std::shared_ptr<const void> owner_;
  std::vector<Guard> guards_;
  OfflineRule offline_;
  Format in_;
  int64_t least_frames_;
  mutable std::mutex mutex_;  // symbols remember what they computed
  // The last answer of offline_frames(): it is asked for several times at the end of a signal.
  mutable std::mutex offline_mutex_;
  mutable int64_t offline_length_ = -1;
  mutable std::optional<int64_t> offline_total_;
};

/// A network that knows for which lengths of the signal it is exact. Where a signal of another
/// length ends, the output that is owed comes from the model itself, run on the whole signal, if
/// that is at most Guards::kKeptFrames long and agrees with what has left already. Otherwise the
/// end of the signal is an Error.
class PlannedNetwork : public Network {
 public:
  PlannedNetwork(std::vector<Node> nodes, std::shared_ptr<const Guards> guards,
                 Execution execution);

  std::unique_ptr<State> start() const override;
  std::string describe() const override;
  int64_t packed_bytes() const override;

  const Guards& guards() const { return *guards_; }
  /// The compiled network, or null where libtorch executes it.
  const native::Program* program() const;

 private:
  std::unique_ptr<State> start_network() const;

  std::shared_ptr<const Guards> guards_;
  Execution execution_;
  mutable std::once_flag compiled_;  // with the first stream
  mutable std::unique_ptr<const native::Program> program_;
};

}  // namespace torchstreamer::graph
