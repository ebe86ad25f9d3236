// Conditions on the length of the signal under which a plan holds.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace torchstreamer::graph {

/// A decision of a plan, checked again at the end of each signal.
struct Guard {
  static constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();

  std::function<bool(int64_t source_frames)> holds;
  std::string violation;  ///< the error if it does not hold, with the place in the model
  /// Common period of the compared numbers, see Symbol::period_frames; 0 if unknown.
  int64_t period_frames = 0;
  /// Their common period for long signals only, see long_period_frames(); 0 if unknown.
  int64_t long_period_frames = 0;
  /// Length of the longest signal that may violate the guard.
  int64_t longest_frames = kEndless;
  /// Length of the longest signal for which the guard may hold.
  int64_t most_frames = kEndless;
};

/// Returns true if the guard holds for signals of this length. It does not hold if its operators
/// fail, because the model fails, too.
bool holds(const Guard& guard, int64_t source_frames);

/// Returns the guards that some length violates, with longest_frames and most_frames set. A guard
/// with a period is evaluated for all lengths up to one period after `shortest_frames`, the
/// shortest sampled length, for one whole period at several much greater lengths, and for
/// `notable_lengths`. For the lengths in between, its numbers are linear functions of the length
/// for each remainder of the period. There, only comparisons of such a number with a constant may
/// change, near `notable_lengths`. Guards without a period are always returned.
std::vector<Guard> violated_guards(const std::vector<Guard>& guards, int64_t shortest_frames,
                                   const std::vector<int64_t>& notable_lengths = {});

/// Returns a common period of both; 0 if one is unknown or if it is too long to be tried.
int64_t common_period(int64_t a, int64_t b);

}  // namespace torchstreamer::graph
