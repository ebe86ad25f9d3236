// Attention scores: operators over pairs of frames, recorded and never run on all pairs.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// The operands of the first operator of scores: its streams as functions of a block.
struct ScoreOperands {
  Scores origin;  ///< the queries and keys, without tables
  Value queries, keys;
};
ScoreOperands score_operands(const Call& call, const Stream& query, const Stream& key);

/// Adds the tables of an argument to `all`. Refuses scores of other queries or keys, and arguments
/// that are neither scores nor a table nor a length.
void collect_tables(const Call& call, const Value& arg, Scores& all);

/// Records an operator with scores among its arguments. `from`: scores of the same queries and
/// keys.
ScoresPtr recorded(const Call& call, const Scores& from, const std::vector<Value>& args);

/// The scores with the axis of queries before that of keys.
ScoresPtr upright(const ScoresPtr& scores);

/// Refuses streams of different length or shift.
void require_equal_lengths(const Call& call, const Stream& a, const Stream& b);

}  // namespace torchstreamer::graph
