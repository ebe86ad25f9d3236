#include "graph/attention/process.h"

#include <algorithm>

#include "graph/attention/distances.h"
#include "graph/attention/reach.h"
#include "graph/attention/scores.h"
#include "graph/attention/trial.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kTileFrames = 128;  // maximum number of queries in one call

Tensor random_values(const Call& call, const Attention& attention, int64_t frames,
                     at::ScalarType dtype) {
  return random_frames(call, attention.value, frames, 3, dtype);
}

// Returns attention over time-major frames. Tables are periodic, so positions are counted from the
// start of the period that contains the first key.
AttentionRule time_major(const Attention& attention, Tables tables, int64_t period) {
  return [=, tables = std::move(tables)](const Tensor& queries, const Tensor& keys,
                                         const Tensor& values, int64_t first_query,
                                         int64_t first_key) {
    const int64_t skipped = first_key / period * period;
    const Scores& s = *attention.weights;
    const ScoreBlock block{queries.movedim(0, s.query.axis),
                           keys.movedim(0, s.key.axis),
                           first_query - skipped,
                           queries.size(0),
                           first_key - skipped,
                           keys.size(0),
                           tables};
    return attention.attend(block, values.movedim(0, attention.value.axis))
        .movedim(attention.axis, 0);
  };
}

// The same for attention over all earlier keys: the tables are computed for each block.
AttentionRule over_all_earlier(const Attention& attention, DistanceTables tables) {
  return [=, tables = std::move(tables)](const Tensor& queries, const Tensor& keys,
                                         const Tensor& values, int64_t first_query,
                                         int64_t first_key) {
    const Scores& s = *attention.weights;
    const Tables cut = tables.block(first_query, queries.size(0), first_key, keys.size(0));
    const ScoreBlock block{queries.movedim(0, s.query.axis),
                           keys.movedim(0, s.key.axis),
                           0,
                           queries.size(0),
                           0,
                           keys.size(0),
                           cut};
    return attention.attend(block, values.movedim(0, attention.value.axis))
        .movedim(attention.axis, 0);
  };
}

// Refuses attention if the output for all keys differs from the output for the keys of the window.
// Compares a few queries at the start, in the middle and at the end of a signal.
void prove(const Call& call, const Attention& attention, const KeyWindow& window,
           const AttentionRule& rule, at::ScalarType dtype) {
  constexpr int64_t kQueries = 16;
  const Scores& s = *attention.weights;
  const int64_t n = window.frames, ahead = window.widest().last;
  const int64_t back = window.is_unbounded ? n : -window.widest().first;
  const Trial trial(call, s, n, dtype);
  const Tensor value = random_values(call, attention, n, dtype);
  for (const int64_t first :
       {int64_t{0}, kQueries, back, n / 2 - 3, n - 2 * kQueries, n - kQueries}) {
    if (first >= n) continue;  // possible if `back` is n
    const int64_t last = std::min(first + kQueries, n) - 1;
    const ScoreBlock all = trial.block(window.tables, {first, last}, {0, n - 1});
    const Tensor whole = attention.attend(all, value).movedim(attention.axis, 0);
    const Span keys{std::max<int64_t>(0, first - back), std::min(n - 1, last + ahead)};
    const ScoreBlock seen = trial.block(window.tables, {first, last}, keys);
    const Tensor part = rule(
        seen.query.movedim(s.query.axis, 0), seen.key.movedim(s.key.axis, 0),
        value.narrow(attention.value.axis, keys.first, seen.keys).movedim(attention.value.axis, 0),
        first, keys.first);
    if (!is_close(part, whole, 1e-5))
      call.refuse(
          "the output for a query depends on the length of the signal, or on frames whose "
          "weight is zero");
  }
}

// Returns the output for a block of random values. Converts all operands to `dtype`, if given.
Tensor tried_values(const Call& call, const Attention& attention,
                    Optional<at::ScalarType> dtype = {}) {
  const Scores& s = *attention.weights;
  return tried(
      call, s,
      [&](const ScoreBlock& b) {
        return attention.attend(
            b, random_values(call, attention, b.keys, dtype.value_or(s.query.dtype)));
      },
      dtype);
}

// Returns float64, which shows small weights best, or the type of the operands if the operator
// accepts no other.
at::ScalarType probing_type(const Call& call, const Attention& attention) {
  try {
    tried_values(call, attention, at::kDouble);
    return at::kDouble;
  } catch (const std::exception&) {
    return attention.weights->query.dtype;
  }
}

Stream stream_of(const Call& call, const Attention& attention) {
  const Tensor y = tried_values(call, attention);
  Stream out = attention.weights->query;
  out.axis = attention.axis;
  out.shape = y.sizes().vec();
  out.shape.at(out.axis) = -1;
  out.dtype = y.scalar_type();
  return out;
}

// Returns the maximum number of queries in one call.
int64_t tile_frames(const KeyWindow& window, int64_t around) {
  return window.is_unbounded ? kTileFrames : std::min(kTileFrames, window.frames - around);
}

}  // namespace

Stream add_attention(const Call& call, const Attention& attention) {
  const Scores& s = *attention.weights;
  require_equal_lengths(call, s.query, attention.value);
  const auto dtype = probing_type(call, attention);
  const KeyWindow window = searched(call, s, dtype);
  const int64_t around = window.period() + window.widest().last - window.widest().first;

  AttentionOptions options;
  options.reach = window.reach;
  options.most_frames = s.most_frames;
  options.tile_frames = tile_frames(window, around);
  if (window.is_unbounded) {
    options.most_frames = lesser_limit(s.most_frames, 1 - window.widest().first);
    options.is_limit_of_memory = options.most_frames != s.most_frames;
  }
  auto rule_with = [&](const Tables& tables) {
    if (window.is_unbounded)
      return over_all_earlier(attention, DistanceTables(call, s, tables, window.frames));
    // All blocks start in the first period, so the beginnings of the tables are enough.
    return time_major(attention, cropped(s, tables, around + options.tile_frames), window.period());
  };
  prove(call, attention, window, rule_with(window.tables), dtype);
  options.rule = rule_with(*tables_at(call, s, window.frames));
  return call.plan.add(call.node, attention1d_layer(options), {s.query, s.key, attention.value},
                       stream_of(call, attention));
}

}  // namespace torchstreamer::graph
