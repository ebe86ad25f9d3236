// Attention scores: operators over pairs of frames that are recorded, never run on all pairs.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// What an operator that makes the first scores is recorded with, like all that follow: its streams
/// as functions of a block.
struct ScoreOperands {
  Scores origin;  ///< of these queries and keys; without tables
  Value queries, keys;
};
ScoreOperands score_operands(const Call& call, const Stream& query, const Stream& key);

/// Adds to `all` the tables of an argument. Refuses scores of other queries or keys than `all` has,
/// and what is neither scores nor a table nor a length.
void collect_tables(const Call& call, const Value& arg, Scores& all);

/// What the operator makes of scores like `from`, among these arguments: more scores.
ScoresPtr recorded(const Call& call, const Scores& from, const std::vector<Value>& args);

/// With queries before keys, whatever the model has.
ScoresPtr upright(const ScoresPtr& scores);

/// Refuses streams that cannot meet frame by frame.
void require_equal_lengths(const Call& call, const Stream& a, const Stream& b);

}  // namespace torchstreamer::graph
