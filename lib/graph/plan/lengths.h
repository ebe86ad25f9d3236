// Decisions about values that depend on the length of the signal.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/plan/guard.h"
#include "graph/plan/refusal.h"
#include "graph/plan/value.h"

namespace torchstreamer::graph {

/// Length in frames of the shortest signal for which the decisions of a plan are made, unless the
/// memory of the model is longer. If the plan does not hold for a shorter signal, the signal is
/// kept and the model itself computes the output at the end.
constexpr int64_t kShortestPlannedFrames = 8192;

/// Largest number of frames that a signal may need for its first frame of output.
constexpr int64_t kLongestMemoryFrames = int64_t{1} << 22;

/// Lengths of the signal, in frames, with which values that grow with the square of the length are
/// tested.
constexpr std::array<int64_t, 8> kShortLengths = {256, 257, 258, 259, 260, 320, 384, 512};

/// The lengths of the signal that the model accepts, and guards for the decisions that are made for
/// these lengths. Refusals name `node`. `symbols`: all symbols that a guard evaluates, which decide
/// if it can be proven to hold for all lengths.
class Lengths {
 public:
  /// Decisions are made for signals of at least `shortest_frames`, and tested with the lengths
  /// `further`, too.
  explicit Lengths(int64_t shortest_frames = kShortestPlannedFrames,
                   const std::vector<int64_t>& further = {});

  /// Lengths of the signal, in frames, with which decisions are tested: many consecutive lengths,
  /// so that each remainder of each likely stride occurs, and a few that are much longer.
  const std::vector<int64_t>& sampled() const { return sampled_; }
  int64_t shortest_frames() const { return sampled_[0]; }
  /// The sampled lengths that the model accepts.
  const std::vector<int64_t>& accepted() const { return accepted_; }
  const std::vector<Guard>& guards() const { return guards_; }

  /// Returns pairs of a length of the signal and the value of the symbol. A heavy symbol is
  /// evaluated only for a few short lengths. Throws Error if no value can be computed.
  std::vector<std::pair<int64_t, IValue>> samples(const SymbolPtr& symbol) const;

  /// Returns a constant if every sample has the same value, otherwise the symbol.
  Value folded(const SymbolPtr& symbol, const Node* node);
  /// Returns the symbol that folded() has replaced by this constant for `node`, and removes the
  /// guard for it; null if there is none.
  SymbolPtr unfolded(const Node* node, const IValue& constant);

  /// Returns the value that all samples have. Refuses with `what` if they differ.
  IValue fixed(const SymbolPtr& symbol, const Node* node, const std::string& what);
  /// The same for an integer. Refuses a value that is computed from the signal.
  int64_t fixed_integer(const Value& value, const Node* node, const std::string& what);

  /// Returns a closed formula for the number of frames that `rule` computes for a length of the
  /// signal. Refuses if no formula fits the samples. The formula may be wrong for very short
  /// signals; such a signal ends with an error unless `effect(n, frames)` is the same.
  LengthRule formula(LengthRule rule, const Node* node, const std::vector<SymbolPtr>& symbols,
                     const std::string& what,
                     std::function<int64_t(int64_t n, int64_t frames)> effect = nullptr);

  /// Common period of all formulas so far, in frames of the signal; 0 if unknown.
  int64_t period_frames() const { return period_frames_; }

  /// Adds a guard for the decision that `symbol` has this value.
  void expect(const SymbolPtr& symbol, const IValue& value, const Node* node);

  /// Adds a guard. `violation`: the error if it does not hold for a signal.
  void guard(std::function<bool(int64_t source_frames)> holds, const Node* node,
             const std::vector<SymbolPtr>& symbols,
             const std::string& violation = "it treats this length differently from longer ones");

  /// Removes the lengths for which `holds` is false from the accepted ones, because the model
  /// itself fails for them. If too few remain, searches for others and refuses with `violation`.
  void require(const std::function<bool(int64_t source_frames)>& holds, const Node* node,
               const std::vector<SymbolPtr>& symbols, const std::string& violation);

  /// Searches for lengths for which `holds` is true: multiples of a long block, for example. Called
  /// before a refusal because there are too few.
  void search(const std::function<bool(int64_t source_frames)>& holds);
  /// Returns true after a search.
  bool are_too_few() const { return are_too_few_; }
  /// The lengths that the last search has found.
  const std::vector<int64_t>& wanted() const { return wanted_; }

 private:
  std::vector<int64_t> sampled_, accepted_, wanted_;
  std::vector<Guard> guards_;
  /// A symbol that was replaced by a constant, and the index of its guard.
  struct Folded {
    SymbolPtr symbol;
    size_t guard;
  };
  std::map<const Node*, Folded> folded_;  // the last one of each node
  int64_t period_frames_ = 1;
  bool are_too_few_ = false;
};

}  // namespace torchstreamer::graph
