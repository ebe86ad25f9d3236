// Trials of operators over attention scores with random queries and keys.
#pragma once

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

using BlockRule = std::function<Tensor(const ScoreBlock&)>;

/// Normal noise in the shape of `frames` frames of the stream, the same for the same seed.
Tensor random_frames(const Call& call, const Stream& stream, int64_t frames, int seed,
                     at::ScalarType dtype);

/// Random queries and keys, `frames` frames of both. The tables must have as many.
class Trial {
 public:
  Trial(const Call& call, const Scores& scores, int64_t frames, at::ScalarType dtype);

  /// The tables must outlive the block.
  ScoreBlock block(const Tables& tables, Span queries, Span keys) const;

 private:
  int query_axis_, key_axis_;
  Tensor query_, key_;
};

/// Size of the block of tried().
constexpr int64_t kTriedQueries = 7, kTriedKeys = 13;

/// Returns the result of the rule for one block, and refuses the node if it fails. `dtype`: type of
/// queries, keys and tables instead of their own.
Tensor tried(const Call& call, const Scores& scores, const BlockRule& rule,
             Optional<at::ScalarType> dtype = {});

}  // namespace torchstreamer::graph
