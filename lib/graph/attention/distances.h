// Masks and biases of attention that sees all earlier frames: functions of the distance of the
// query from the key.
#pragma once

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

/// Tables for signals of any length, computed from tables for a limited number of frames.
/// Immutable.
class DistanceTables {
 public:
  /// `tables`: tables for `frames` frames that depend on the distance alone. Refuses tables that
  /// still change at distances of more than a quarter of `frames`.
  DistanceTables(const Call& call, const Scores& scores, const Tables& tables, int64_t frames);

  /// Returns the tables `[.., queries, keys]` of a block, which starts at their first entry.
  Tables block(int64_t first_query, int64_t queries, int64_t first_key, int64_t keys) const;

 private:
  struct Line {
    const Symbol* symbol;
    bool over_queries, over_keys;
    Tensor values;  // [.., distances]: distance 0 is at the index `frames_ - 1`
  };
  int64_t frames_;
  std::vector<Line> lines_;
};

}  // namespace torchstreamer::graph
