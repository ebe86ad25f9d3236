// Masks and biases of attention: tables over pairs of frames that are known for every length of the
// signal.
#pragma once

#include <algorithm>

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// What the tables of some scores are for some number of frames.
using Tables = std::map<const Symbol*, Tensor>;

constexpr int64_t kLongestPeriodFrames = 256;
constexpr int64_t kShortFrames = 32;  ///< for which an operator is tried when it is met

/// The least length of the signal that gives the stream at least `frames` frames.
int64_t source_frames(const Call& call, const Stream& stream, int64_t frames);

/// The value, one that depends on the length of the signal, as a table over frames of `query`.
/// Refuses what has no entry for each pair of frames that stays the same as the signal goes on.
PairTable table_of(const Call& call, const Stream& query, const SymbolPtr& symbol);

/// The most frames for which the constants that `symbol` is cut from are large enough; 0 for any.
int64_t most_frames_of(const Call& call, const Stream& query, const Symbol& symbol);

/// The lesser of two limits, where 0 stands for none.
inline int64_t lesser_limit(int64_t a, int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

/// All tables for at least `frames` frames, floats as `dtype`; none where one of them ends before.
Optional<Tables> tables_at(const Call& call, const Scores& scores, int64_t frames,
                           Optional<at::ScalarType> dtype = {});

/// The rows and columns `[.., queries, keys]` of a table that belong to a block.
Tensor part(const Tensor& table, const PairTable& axes, const ScoreBlock& block);

/// The least number of frames by which both axes of all tables can be shifted without a change; 0
/// where there is none.
int64_t period_of(const Scores& scores, const Tables& tables, int64_t frames);

/// The tables for the first `frames` frames, without the memory of the rest.
Tables cropped(const Scores& scores, const Tables& tables, int64_t frames);

}  // namespace torchstreamer::graph
