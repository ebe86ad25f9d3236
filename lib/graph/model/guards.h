// Lengths of the signal for which a plan holds.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "graph/plan/lengths.h"
#include "network/layer.h"

namespace torchstreamer::graph {

/// Runs the model itself: `[C, T]` in, `[C', T']` out. Throws the exceptions of the model.
/// Thread-safe.
using OfflineRule = std::function<Tensor(const Tensor& x)>;

/// The guards of a plan. Thread-safe.
class Guards {
 public:
  /// `owner`: owner of the values that the guards use. `offline`: null if the plan may differ from
  /// the model. `in`: format of the signal. `least_frames`: length of the shortest signal that has
  /// output frames.
  Guards(std::shared_ptr<const void> owner, std::vector<Guard> guards, OfflineRule offline,
         Format in, int64_t least_frames);

  /// Returns the error for a signal of this length; null if the plan holds for it.
  const std::string* violation(int64_t source_frames) const;

  /// Signals of up to this many frames may be kept. If the plan does not hold for such a signal, an
  /// offline run computes its remaining output.
  static constexpr int64_t kKeptFrames = kShortestPlannedFrames;
  const OfflineRule& offline() const { return offline_; }
  const Format& in() const { return in_; }
  /// Length of the shortest signal that has output.
  int64_t least_frames() const { return least_frames_; }
  /// Length of the longest signal that may end with an offline run; -1 if no signal may.
  int64_t kept_frames() const { return kept_frames_; }
  /// Length of the longest signal for which the plan may hold.
  int64_t most_frames() const { return most_frames_; }
  /// Returns the number of frames of the model's output for a signal for which the plan does not
  /// hold. Returns none if the plan holds or if the model fails for the signal; if it fails for an
  /// empty signal, returns 0.
  std::optional<int64_t> offline_frames(int64_t source_frames) const;

  /// Returns the shortest length of at least `source_frames` for which the plan holds; none if it
  /// is longer by more than `most_added_frames`.
  std::optional<int64_t> length_that_holds(int64_t source_frames, int64_t most_added_frames) const;

  /// The error for a signal for which the plan does not hold, with the nearest lengths for which it
  /// holds. `what`: the text before the length.
  std::string describe_violation(const std::string& what, int64_t source_frames) const;

  const std::vector<Guard>& all() const { return guards_; }

 private:
  std::shared_ptr<const void> owner_;
  std::vector<Guard> guards_;
  OfflineRule offline_;
  Format in_;
  int64_t least_frames_, kept_frames_, most_frames_ = Guard::kEndless;
  mutable std::mutex mutex_;  // protects the symbols, which cache their values
  // The last result of offline_frames(), which is called several times at the end of a signal.
  mutable std::mutex offline_mutex_;
  mutable int64_t offline_length_ = -1;
  mutable std::optional<int64_t> offline_total_;
};

}  // namespace torchstreamer::graph
