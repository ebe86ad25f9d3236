// Decisions about values that depend on the length of the signal.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "graph/plan/refusal.h"
#include "graph/plan/value.h"

namespace torchstreamer::graph {

/// Length of the shortest signal, in frames, that a plan is decided for. A shorter signal for which
/// the plan does not hold is kept and computed by the model itself at its end.
constexpr int64_t kShortestPlannedFrames = 8192;

/// Lengths of the signal, in frames, at which decisions are tried: a long run of neighbours, so
/// that each remainder of each likely stride occurs, and a few that are much longer.
const std::vector<int64_t>& sampled_lengths();

/// Lengths of the signal, in frames, at which values that grow with the square of the length are
/// tried.
constexpr std::array<int64_t, 8> kShortLengths = {256, 257, 258, 259, 260, 320, 384, 512};

/// A decision of a plan, checked again at the end of each signal.
struct Guard {
  std::function<bool(int64_t source_frames)> holds;
  std::string violation;  ///< what is wrong if it does not hold, and the place in the model
};

/// The lengths of the signal that the model accepts, and the guards of decisions that were made for
/// them. Refusals name `node`.
class Lengths {
 public:
  /// Those of the sampled lengths that the model accepts.
  const std::vector<int64_t>& accepted() const { return accepted_; }
  const std::vector<Guard>& guards() const { return guards_; }

  /// Values of a symbol by the length of the signal. A heavy symbol has few values, at short
  /// lengths. Throws Error if it has none.
  std::vector<std::pair<int64_t, IValue>> samples(const SymbolPtr& symbol) const;

  /// Returns a constant if every sample has the same value, otherwise the symbol.
  Value folded(const SymbolPtr& symbol, const Node* node);

  /// Returns the value that all samples have. Refuses with `what` if they differ.
  IValue fixed(const SymbolPtr& symbol, const Node* node, const std::string& what);
  /// The same for an integer. Refuses a value that is computed from the signal.
  int64_t fixed_integer(const Value& value, const Node* node, const std::string& what);

  /// Returns a closed formula of the number of frames that `rule` computes for each length of the
  /// signal. Refuses if the samples show none. For very short signals the formula may differ: that
  /// is an error at their end, unless `effect(n, frames)` is the same.
  LengthRule formula(LengthRule rule, const Node* node, const std::string& what,
                     std::function<int64_t(int64_t n, int64_t frames)> effect = nullptr);

  /// Guards the decision that `symbol` has this value.
  void expect(const SymbolPtr& symbol, const IValue& value, const Node* node);

  /// Adds a guard. `violation`: the error for a signal for which it does not hold.
  void guard(std::function<bool(int64_t source_frames)> holds, const Node* node,
             const std::string& violation = "it treats this length differently from longer ones");

  /// Lengths for which it does not hold are an error of the model itself and no longer accepted.
  /// Refuses with `violation` if too few are left.
  void require(const std::function<bool(int64_t source_frames)>& holds, const Node* node,
               const std::string& violation);

 private:
  std::vector<int64_t> accepted_ = sampled_lengths();
  std::vector<Guard> guards_;
};

}  // namespace torchstreamer::graph
