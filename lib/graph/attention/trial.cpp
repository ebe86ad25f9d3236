#include "graph/attention/trial.h"

#include "support/exceptions.h"
#include "support/noise.h"

namespace torchstreamer::graph {

Tensor random_frames(const Call& call, const Stream& stream, int64_t frames, int seed,
                     at::ScalarType dtype) {
  auto shape = stream.shape;
  shape[stream.axis] = frames;
  return Noise(seed).next(shape, at::kDouble).to(call.plan.format(stream).device, dtype);
}

Trial::Trial(const Call& call, const Scores& scores, int64_t frames, at::ScalarType dtype)
    : query_axis_(scores.query.axis),
      key_axis_(scores.key.axis),
      query_(random_frames(call, scores.query, frames, 1, dtype)),
      key_(random_frames(call, scores.key, frames, 2, dtype)) {}

ScoreBlock Trial::block(const Tables& tables, Span queries, Span keys) const {
  const int64_t q = queries.last - queries.first + 1, k = keys.last - keys.first + 1;
  return {query_.narrow(query_axis_, queries.first, q),
          key_.narrow(key_axis_, keys.first, k),
          queries.first,
          q,
          keys.first,
          k,
          tables};
}

Tensor tried(const Call& call, const Scores& scores, const BlockRule& rule,
             Optional<at::ScalarType> dtype) {
  constexpr int64_t kFirstQuery = 4, kFirstKey = 2;
  const auto tables = tables_at(call, scores, kShortFrames, dtype);
  if (!tables) call.refuse("its mask or bias is too short");
  try {
    const Trial trial(call, scores, kShortFrames, dtype.value_or(scores.query.dtype));
    return rule(trial.block(*tables, {kFirstQuery, kFirstQuery + kTriedQueries - 1},
                            {kFirstKey, kFirstKey + kTriedKeys - 1}));
  } catch (const std::exception& e) {
    call.refuse_shape(reason_of(e));
  }
}

}  // namespace torchstreamer::graph
