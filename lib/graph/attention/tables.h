// Masks and biases of attention: tables over pairs of frames, computed for any length of the
// signal.
#pragma once

#include <algorithm>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The tables of scores for a number of frames.
using Tables = std::map<const Symbol*, Tensor>;

constexpr int64_t kLongestPeriodFrames = 256;
constexpr int64_t kShortFrames = 32;  ///< length of the first trial of an operator

/// The shortest signal for which the stream has at least `frames` frames.
int64_t source_frames(const Call& call, const Stream& stream, int64_t frames);

/// A value that depends on the length of the signal as a table over frames of `query`. Refuses
/// values without an entry for each pair of frames, and entries that change while the signal
/// continues.
PairTable table_of(const Call& call, const Stream& query, const SymbolPtr& symbol);

/// Maximum number of frames for which the constants that `symbol` is cut from are large enough; 0:
/// unlimited.
int64_t most_frames_of(const Call& call, const Stream& query, const Symbol& symbol);

/// The smaller of two limits; 0: unlimited.
inline int64_t lesser_limit(int64_t a, int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// All tables for at least `frames` frames, floats converted to `dtype`; none if one is too short.
Optional<Tables> tables_at(const Call& call, const Scores& scores, int64_t frames,
                           Optional<at::ScalarType> dtype = {});

/// The rows and columns `[.., queries, keys]` of a block.
Tensor part(const Tensor& table, const PairTable& axes, const ScoreBlock& block);

/// The smallest number of frames by which both axes of all tables can be shifted without a change;
/// 0 if the tables are not periodic.
int64_t period_of(const Scores& scores, const Tables& tables, int64_t frames);

/// Copies of the tables for the first `frames` frames.
Tables cropped(const Scores& scores, const Tables& tables, int64_t frames);

}  // namespace torchstreamer::graph
