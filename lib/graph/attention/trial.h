// Trial runs of operators over attention scores with random queries and keys.
#pragma once

#include "graph/attention/tables.h"

namespace torchstreamer::graph {

using BlockRule = std::function<Tensor(const ScoreBlock&)>;

/// Returns normal noise in the shape of `frames` frames of the stream, the same for the same seed.
Tensor random_frames(const Call& call, const Stream& stream, int64_t frames, int seed,
                     at::ScalarType dtype);

/// `frames` random queries and keys. The tables must have the same number of frames.
class Trial {
 public:
  Trial(const Call& call, const Scores& scores, int64_t frames, at::ScalarType dtype);

  /// The tables must outlive the block.
  ScoreBlock block(const Tables& tables, Span queries, Span keys) const;

 private:
  int query_axis_, key_axis_;
  Tensor query_, key_;
};

/// Size of the block that tried() computes.
constexpr int64_t kTriedQueries = 7, kTriedKeys = 13;

/// Returns the result of the rule for one block. Refuses the node if the rule fails. `dtype`: type
/// to which queries, keys and tables are converted, if given.
Tensor tried(const Call& call, const Scores& scores, const BlockRule& rule,
             Optional<at::ScalarType> dtype = {});

}  // namespace torchstreamer::graph
