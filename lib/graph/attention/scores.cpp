#include "graph/attention/scores.h"

#include <algorithm>

#include "graph/attention/block_operation.h"
#include "graph/attention/trial.h"

namespace torchstreamer::graph {
namespace {

// Adds a table. Also accepts the number of frames as one of the last two sizes of a list.
// `from_end`: position in the list, counted from the end, where the last item is 1; 0 outside of
// lists.
void collect_symbol(const Call& call, const SymbolPtr& symbol, Scores& all, size_t from_end) {
  const int64_t n = source_frames(call, all.query, kShortFrames);
  const IValue at = symbol->at(n);
  if (!at.isInt()) {
    all.tables.push_back(table_of(call, all.query, symbol));
    all.most_frames = lesser_limit(all.most_frames, most_frames_of(call, all.query, *symbol));
  } else if (from_end < 1 || from_end > 2 || at.toInt() != call.plan.frames(all.query, n)) {
    call.refuse("an operand depends on the length of the signal");
  }
}

void collect_item(const Call& call, const Value& value, Scores& all, size_t from_end) {
  if (const ListPtr* list = value.list())
    for (size_t i = 0; i < (*list)->size(); ++i)
      collect_item(call, (**list)[i], all, (*list)->size() - i);
  if (value.stream())
    call.refuse(
        "attention scores are combined with a stream other than the values; a mask that is "
        "computed from the signal has no rule");
  if (const SymbolPtr* symbol = value.symbol()) collect_symbol(call, *symbol, all, from_end);
  if (const ScoresPtr* scores = value.scores()) {
    if ((*scores)->query.node != all.query.node || (*scores)->key.node != all.key.node)
      call.refuse("it combines scores of different queries or keys");
    all.tables.insert(all.tables.end(), (*scores)->tables.begin(), (*scores)->tables.end());
    all.most_frames = lesser_limit(all.most_frames, (*scores)->most_frames);
  }
}

// Sets shape, type and order of the axes according to a trial block.
void probe_shape(const Call& call, Scores& scores) {
  const Tensor y = tried(call, scores, scores.block);
  auto ends_with = [&](int64_t rows, int64_t columns) {
    return y.dim() >= 2 && y.size(-2) == rows && y.size(-1) == columns;
  };
  scores.is_transposed = ends_with(kTriedKeys, kTriedQueries);
  if (!scores.is_transposed && !ends_with(kTriedQueries, kTriedKeys))
    call.refuse("its result does not have one score for each query and key");
  scores.shape = y.sizes().vec();
  scores.shape.end()[-2] = scores.shape.end()[-1] = -1;
  scores.dtype = y.scalar_type();
}

}  // namespace

ScoreOperands score_operands(const Call& call, const Stream& query, const Stream& key) {
  require_equal_lengths(call, query, key);
  Scores origin;
  origin.query = query;
  origin.key = key;
  Scores queries = origin, keys = origin;
  queries.block = [](const ScoreBlock& b) { return b.query; };
  keys.block = [](const ScoreBlock& b) { return b.key; };
  return {origin, Value(std::make_shared<const Scores>(std::move(queries))),
          Value(std::make_shared<const Scores>(std::move(keys)))};
}

void collect_tables(const Call& call, const Value& arg, Scores& all) {
  collect_item(call, arg, all, 0);
}

ScoresPtr recorded(const Call& call, const Scores& from, const std::vector<Value>& args) {
  Scores next;
  next.query = from.query;
  next.key = from.key;
  for (const Value& arg : args) collect_tables(call, arg, next);
  next.block = [run = BlockOperation(call), args, tables = next.tables](const ScoreBlock& b) {
    return run(args, tables, b);
  };
  probe_shape(call, next);
  const bool has_table = std::any_of(
      args.begin(), args.end(), [](const Value& arg) { return arg.find<SymbolPtr>() != nullptr; });
  if (from.is_transposed && has_table)
    call.refuse("a mask or bias of transposed scores has no rule; transpose after it");
  return std::make_shared<const Scores>(std::move(next));
}

ScoresPtr upright(const ScoresPtr& scores) {
  if (!scores->is_transposed) return scores;
  Scores turned = *scores;
  turned.is_transposed = false;
  turned.block = [block = scores->block](const ScoreBlock& b) {
    return block(b).transpose(-2, -1);
  };
  return std::make_shared<const Scores>(std::move(turned));
}

void require_equal_lengths(const Call& call, const Stream& a, const Stream& b) {
  constexpr char kDifferent[] = "the streams of attention differ in length";
  if (a.shift != b.shift)
    call.refuse("without padding, the streams of attention start at different times");
  if (a.node == b.node) return;
  auto is_equal = [plan = &call.plan, a, b](int64_t n) {
    return plan->frames(a, n) == plan->frames(b, n);
  };
  if (call.plan.padding() == Padding::kModel)
    call.lengths.require(is_equal, call.node, {}, kDifferent);
  else if (!std::all_of(call.lengths.accepted().begin(), call.lengths.accepted().end(), is_equal))
    call.refuse(kDifferent);
}

}  // namespace torchstreamer::graph
