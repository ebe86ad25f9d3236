// Attention scores. Operators over pairs of frames are recorded, and never run on all pairs.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The operands of the operator that computes the scores, with its streams as functions of a block.
struct ScoreOperands {
  Scores origin;  ///< the queries and keys, without tables
  Value queries, keys;
};
ScoreOperands score_operands(const Call& call, const Stream& query, const Stream& key);

/// Adds the tables of an argument to `all`. Refuses scores of different queries or keys, and
/// arguments that are not scores, a table or a length.
void collect_tables(const Call& call, const Value& arg, Scores& all);

/// Records an operator with scores among its arguments. `from`: scores of the same queries and
/// keys.
ScoresPtr recorded(const Call& call, const Scores& from, const std::vector<Value>& args);

/// Returns the scores with the axis of queries before that of keys.
ScoresPtr upright(const ScoresPtr& scores);

/// Refuses streams with different lengths or shifts.
void require_equal_lengths(const Call& call, const Stream& a, const Stream& b);

}  // namespace torchstreamer::graph
