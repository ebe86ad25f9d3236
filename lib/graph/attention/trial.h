// Random queries and keys to try on operators over attention scores.
#pragma once

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

using BlockRule = std::function<Tensor(const ScoreBlock&)>;

/// `frames` frames of the stream from a normal distribution, the same for the same seed.
Tensor random_frames(const Call& call, const Stream& stream, int64_t frames, int seed,
                     at::ScalarType dtype);

/// Random queries and keys for `frames` frames of both, at most as many as the tables have.
class Trial {
 public:
  Trial(const Call& call, const Scores& scores, int64_t frames, at::ScalarType dtype);

  /// The tables must outlive what is returned.
  ScoreBlock block(const Tables& tables, Span queries, Span keys) const;

 private:
  int query_axis_, key_axis_;
  Tensor query_, key_;
};

/// How many there are in the block of `tried`.
constexpr int64_t kTriedQueries = 7, kTriedKeys = 13;

/// What the rule makes of one block; refuses the node with its error. `dtype`: of queries, keys and
/// tables, in place of their own.
Tensor tried(const Call& call, const Scores& scores, const BlockRule& rule,
             Optional<at::ScalarType> dtype = {});

}  // namespace torchstreamer::graph
