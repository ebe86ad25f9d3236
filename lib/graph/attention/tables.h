// Masks and biases of attention: tables over pairs of frames that are computed for any length of
// the signal.
#pragma once

#include <algorithm>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The tables of scores, each for the same number of frames.
using Tables = std::map<const Symbol*, Tensor>;

constexpr int64_t kLongestPeriodFrames = 256;
constexpr int64_t kShortFrames = 32;  ///< number of frames in the first trial of an operator

/// Returns the length of the shortest signal for which the stream has at least `frames` frames.
int64_t source_frames(const Call& call, const Stream& stream, int64_t frames);

/// Returns a value that depends on the length of the signal as a table over frames of `query`.
/// Refuses values without an entry for each pair of frames, and entries that are different for a
/// longer signal.
PairTable table_of(const Call& call, const Stream& query, const SymbolPtr& symbol);

/// Maximum number of frames for which the constants that `symbol` is cut from are large enough; 0:
/// unlimited.
int64_t most_frames_of(const Call& call, const Stream& query, const Symbol& symbol);

/// Returns a constant number greater than `over` and at most `most` from which `value` is computed;
/// none if there is none. Factors and the values that fill a mask do not count.
Optional<double> number_within(const Value& value, double over, double most);

/// Returns the smaller of two limits; 0: unlimited.
inline int64_t lesser_limit(int64_t a, int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// Returns all tables for at least `frames` frames, with floats converted to `dtype`; none if a
/// table is too short.
Optional<Tables> tables_at(const Call& call, const Scores& scores, int64_t frames,
                           Optional<at::ScalarType> dtype = {});

/// Returns the part of a table for a block, `[.., queries, keys]`.
Tensor part(const Tensor& table, const PairTable& axes, const ScoreBlock& block);

/// Returns the period of the tables: the smallest shift in frames of both axes that does not change
/// any table; 0 if there is none.
int64_t period_of(const Scores& scores, const Tables& tables, int64_t frames);

/// Returns copies of the tables for the first `frames` frames.
Tables cropped(const Scores& scores, const Tables& tables, int64_t frames);

}  // namespace torchstreamer::graph
