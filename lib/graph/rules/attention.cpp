// Attention over a bounded window. The scores of all pairs of frames are never computed: operators
// over them are recorded, and when they meet the values, what a query sees is found by probing.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <set>

#include "graph/rules.h"
#include "streams/attention1d.h"

namespace torchstreamer::graph {
namespace {

using Tables = std::map<const Symbol*, Tensor>;
using BlockRule = std::function<Tensor(const ScoreBlock&)>;
/// What the values `[.., keys, ..]` become, weighted for the queries of a block.
using Attend = std::function<Tensor(const ScoreBlock&, const Tensor& values)>;

constexpr int64_t kLongestPeriodFrames = 256;
constexpr int64_t kTileFrames = 128;  // queries computed at once
constexpr int64_t kShortFrames = 32;  // for which an operator is tried when it is met
constexpr char kUnboundedMemory[] =
    "its memory would grow with the signal; bound the attention to a window";
/// Frames among which the window is searched, until it lies clearly inside.
constexpr int64_t kSearchFrames[] = {64, 256, 1024, 4096};

// -- Operators, run on blocks

// The rows and columns of a table that belong to a block.
Tensor part(const Tensor& table, const PairTable& axes, const ScoreBlock& b) {
  Tensor t = table;
  if (axes.over_keys) t = t.narrow(-1, b.first_key, b.keys);
  if (axes.over_queries) t = t.narrow(-2, b.first_query, b.queries);
  return t;
}

// `value` for one block: scores and tables are computed; among sizes the last two lengths are the
// block's.
Value at_block(const Value& value, const std::vector<PairTable>& tables, const ScoreBlock& b,
               size_t from_end = 0) {
  if (const ScoresPtr* scores = value.scores()) return Value(IValue((*scores)->block(b)));
  if (const SymbolPtr* symbol = value.symbol()) {
    for (const PairTable& table : tables)
      if (table.symbol == *symbol) return Value(IValue(part(b.tables.at(symbol->get()), table, b)));
    return Value(IValue(from_end == 1 ? b.keys : b.queries));
  }
  const ListPtr* list = value.list();
  if (!list) return value;
  auto items = std::make_shared<std::vector<Value>>();
  for (size_t i = 0; i < (*list)->size(); ++i)
    items->push_back(at_block((**list)[i], tables, b, (*list)->size() - i));
  return Value(items);
}

// The operator of a node, to be run on blocks; independent of the graph.
class BlockOperation {
 public:
  explicit BlockOperation(const Call& call) : operation_(call.node->getOperation()) {
    for (const auto* input : call.node->inputs()) types_.push_back(input->type());
  }

  // Its first result for these arguments.
  Tensor operator()(const std::vector<Value>& args, const std::vector<PairTable>& tables,
                    const ScoreBlock& b) const {
    torch::jit::Stack stack;
    for (size_t i = 0; i < args.size(); ++i)
      stack.push_back(value_at(at_block(args[i], tables, b), types_[i], 0, nullptr));
    auto run = operation_;
    run(stack);
    return stack.front().toTensor();
  }

 private:
  torch::jit::Operation operation_;
  std::vector<c10::TypePtr> types_;
};

// -- Tables: masks and biases

// The least length of the signal that gives the stream at least `frames` frames.
int64_t source_frames(const Call& call, const Stream& stream, int64_t frames) {
  int64_t high = 1;
  while (call.planner.frames(stream, high) < frames) {
    if (high > int64_t{1} << 40) call.refuse("its operands do not grow with the signal");
    high *= 2;
  }
  int64_t low = high / 2;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (call.planner.frames(stream, middle) < frames ? low : high) = middle;
  }
  return high;
}

// The table for at least `frames` frames, floats as `dtype`; undefined where it is shorter: it ends
// there.
Tensor values_of(const Call& call, const Stream& query, const PairTable& table, int64_t frames,
                 Optional<at::ScalarType> dtype = {}) {
  const Tensor t = table.symbol->at(source_frames(call, query, frames)).toTensor();
  if ((table.over_keys && t.size(-1) < frames) || (table.over_queries && t.size(-2) < frames))
    return {};
  return dtype && at::isFloatingType(t.scalar_type()) ? t.to(*dtype) : t;
}

// All tables for `frames` frames; none where one of them ends before.
Optional<Tables> tables_at(const Call& call, const Scores& scores, int64_t frames,
                           Optional<at::ScalarType> dtype = {}) {
  Tables all;
  for (const PairTable& table : scores.tables) {
    const Tensor t = values_of(call, scores.query, table, frames, dtype);
    if (!t.defined()) return {};
    all[table.symbol.get()] = t;
  }
  return all;
}

// Which axes of a value that depends on the length of the signal are time.
PairTable table_of(const Call& call, const Stream& query, const SymbolPtr& symbol) {
  auto at = [&](int64_t frames) { return symbol->at(source_frames(call, query, frames)); };
  auto frames = [&](int64_t wanted) {
    return call.planner.frames(query, source_frames(call, query, wanted));
  };
  if (!at(kShortFrames).isTensor()) call.refuse("an operand depends on the length of the signal");
  const Tensor a = at(kShortFrames).toTensor(), b = at(kShortFrames + 7).toTensor();
  PairTable table{symbol};
  for (int64_t d = 1; d <= a.dim(); ++d) {
    if (a.size(-d) == b.size(-d)) continue;
    if (d > 2 || a.size(-d) != frames(kShortFrames) || b.size(-d) != frames(kShortFrames + 7))
      call.refuse(c10::str("its mask or bias, ", a.sizes(), " for ", frames(kShortFrames),
                           " frames, has no entry for each pair of frames"));
    (d == 1 ? table.over_keys : table.over_queries) = true;
  }
  ScoreBlock head{{}, {}, 0, frames(kShortFrames), 0, frames(kShortFrames), {}};
  if (!part(b, table, head).equal(a))
    call.refuse("its mask or bias at a time depends on the length of the signal");
  return table;
}

// The most frames for which a slice, `mask[:T]`, does not end before `end` says.
int64_t frames_within(const Call& call, const Stream& query, const SymbolPtr& end, int64_t size) {
  int64_t low = 0, high = 2 * size + 1;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    const bool fits = end->at(source_frames(call, query, middle)).toInt() <= size;
    (fits ? low : high) = middle;
  }
  return low <= 2 * size - 1 ? low : 0;
}

// The most frames for which the constants that `symbol` is cut from are large enough; 0 for any.
int64_t most_frames_of(const Call& call, const Stream& query, const Symbol& symbol) {
  if (!symbol.origin) return 0;
  int64_t most = 0;
  auto merge = [&](int64_t n) {
    if (n > 0) most = most == 0 ? n : std::min(most, n);
  };
  const auto& [node, args, output] = *symbol.origin;
  for (const Value& arg : args)
    if (arg.symbol()) merge(most_frames_of(call, query, **arg.symbol()));
  if (node->kind().toQualString() != std::string("aten::slice") || args.size() != 5) return most;
  const IValue* table = args[0].constant();
  if (!table || !table->isTensor() || !args[1].constant() || !args[3].symbol()) return most;
  const int64_t size = table->toTensor().size(args[1].constant()->toInt());
  merge(frames_within(call, query, *args[3].symbol(), size));
  return most;
}

// -- Trying a block

Tensor random_frames(const Call& call, const Stream& stream, int64_t frames, int seed,
                     at::ScalarType dtype) {
  auto shape = stream.shape;
  shape[stream.axis] = frames;
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kDouble))
      .to(call.planner.format(stream).device, dtype);
}

// Random queries and keys for `frames` frames of both.
struct Trial {
  Trial(const Call& call, const Scores& scores, int64_t frames, at::ScalarType dtype)
      : scores(scores),
        query(random_frames(call, scores.query, frames, 1, dtype)),
        key(random_frames(call, scores.key, frames, 2, dtype)) {}

  ScoreBlock block(const Tables& tables, Span queries, Span keys) const {
    const int64_t q = queries.last - queries.first + 1, k = keys.last - keys.first + 1;
    return {query.narrow(scores.query.axis, queries.first, q),
            key.narrow(scores.key.axis, keys.first, k),
            queries.first,
            q,
            keys.first,
            k,
            tables};
  }

  const Scores& scores;
  Tensor query, key;
};

constexpr Span kFewQueries{4, 10}, kFewKeys{2, 14};

Tensor tried(const Call& call, const Scores& scores, const BlockRule& rule) {
  const auto tables = tables_at(call, scores, kShortFrames);
  if (!tables) call.refuse("its mask or bias is too short");
  try {
    const Trial trial(call, scores, kShortFrames, scores.query.dtype);
    return rule(trial.block(*tables, kFewQueries, kFewKeys));
  } catch (const std::exception& e) {
    call.refuse(message_of(e));
  }
}

// -- Recording

void merge_most_frames(Scores& all, int64_t most) {
  if (most > 0) all.most_frames = all.most_frames == 0 ? most : std::min(all.most_frames, most);
}

// Scores of the same queries and keys, tables and lengths: what may be an argument.
void collect(const Call& call, const Value& value, Scores& all, size_t from_end = 0) {
  if (const ListPtr* list = value.list())
    for (size_t i = 0; i < (*list)->size(); ++i)
      collect(call, (**list)[i], all, (*list)->size() - i);
  if (value.stream())
    call.refuse(
        "scores of attention meet a stream that is not its values: a mask that is computed "
        "from the signal has no rule");
  if (const SymbolPtr* symbol = value.symbol()) {
    const int64_t n = source_frames(call, all.query, kShortFrames);
    const IValue at = (*symbol)->at(n);
    if (!at.isInt()) {
      all.tables.push_back(table_of(call, all.query, *symbol));
      merge_most_frames(all, most_frames_of(call, all.query, **symbol));
    } else if (from_end < 1 || from_end > 2 || at.toInt() != call.planner.frames(all.query, n)) {
      call.refuse("an operand depends on the length of the signal");
    }
  }
  if (const ScoresPtr* scores = value.scores()) {
    if ((*scores)->query.node != all.query.node || (*scores)->key.node != all.key.node)
      call.refuse("scores of different queries or keys meet");
    all.tables.insert(all.tables.end(), (*scores)->tables.begin(), (*scores)->tables.end());
    merge_most_frames(all, (*scores)->most_frames);
  }
}

// What the operator makes of scores: more scores.
ScoresPtr recorded(const Call& call, const Scores& from, const std::vector<Value>& args) {
  Scores next;
  next.query = from.query;
  next.key = from.key;
  for (const Value& arg : args) collect(call, arg, next);
  next.block = [run = BlockOperation(call), args, tables = next.tables](const ScoreBlock& b) {
    return run(args, tables, b);
  };
  const Tensor y = tried(call, next, next.block);
  const int64_t queries = kFewQueries.last - kFewQueries.first + 1;
  const int64_t keys = kFewKeys.last - kFewKeys.first + 1;
  auto ends_with = [&](int64_t rows, int64_t columns) {
    return y.dim() >= 2 && y.size(-2) == rows && y.size(-1) == columns;
  };
  next.is_transposed = ends_with(keys, queries);
  if (!next.is_transposed && !ends_with(queries, keys))
    call.refuse("of the scores of attention it does not make one for each query and key");
  const bool has_table = std::any_of(
      args.begin(), args.end(), [](const Value& arg) { return arg.find<SymbolPtr>() != nullptr; });
  if (from.is_transposed && has_table)
    call.refuse("a mask or bias of transposed scores has no rule; transpose behind it");
  next.shape = y.sizes().vec();
  next.shape.end()[-2] = next.shape.end()[-1] = -1;
  next.dtype = y.scalar_type();
  return std::make_shared<const Scores>(std::move(next));
}

void require_equal_lengths(const Call& call, const Stream& a, const Stream& b) {
  constexpr char kDifferent[] = "the streams that meet in attention differ in length";
  if (a.shift != b.shift)
    call.refuse("without padding the streams that meet in attention begin at different times");
  if (a.node == b.node) return;
  auto is_equal = [planner = &call.planner, a, b](int64_t n) {
    return planner->frames(a, n) == planner->frames(b, n);
  };
  if (call.planner.padding() == Padding::kModel)
    call.planner.require(is_equal, call.node, kDifferent);
  else if (!std::all_of(call.planner.lengths().begin(), call.planner.lengths().end(), is_equal))
    call.refuse(kDifferent);
}

// The streams themselves as functions of a block, so that the operator that makes the first scores
// is recorded like all that follow.
Scores origin(const Call& call, const Stream& query, const Stream& key) {
  require_equal_lengths(call, query, key);
  Scores scores;
  scores.query = query;
  scores.key = key;
  return scores;
}
Value queries_of(Scores scores) {
  scores.block = [](const ScoreBlock& b) { return b.query; };
  return Value(std::make_shared<const Scores>(std::move(scores)));
}
Value keys_of(Scores scores) {
  scores.block = [](const ScoreBlock& b) { return b.key; };
  return Value(std::make_shared<const Scores>(std::move(scores)));
}

// -- The window

// The least number of frames by which both axes of all tables can be shifted without a change; 0
// where there is none.
int64_t period_of(const Scores& scores, const Tables& tables, int64_t frames) {
  auto shifted = [](Tensor t, const PairTable& axes, int64_t first, int64_t n) {
    if (axes.over_keys) t = t.narrow(-1, first, n);
    return axes.over_queries ? t.narrow(-2, first, n) : t;
  };
  auto repeats = [&](const PairTable& axes, int64_t period) {
    const Tensor& t = tables.at(axes.symbol.get());
    const Tensor a = shifted(t, axes, 0, frames - period);
    const Tensor b = shifted(t, axes, period, frames - period);
    const bool is_matrix = axes.over_queries && axes.over_keys;
    return (!is_matrix || a.select(-2, 0).equal(b.select(-2, 0))) && a.equal(b);
  };
  for (int64_t p = 1; p <= std::min(kLongestPeriodFrames, frames / 16); ++p)
    if (std::all_of(scores.tables.begin(), scores.tables.end(),
                    [&](const PairTable& axes) { return repeats(axes, p); }))
      return p;
  return 0;
}

struct Window {
  int64_t frames = 0;  // among which it was found
  AttentionReach reach;
  Span widest() const {
    Span all;
    for (const Span& phase : reach) all = hull(all, phase);
    return all;
  }
};

// The keys with a weight, for the queries of one period in the middle of `frames` frames. Queries
// and keys are small, so that what weighs nothing does so by the mask alone.
AttentionReach probed_reach(const Scores& weights, const Trial& trial, const Tables& tables,
                            int64_t frames, int64_t period) {
  const int64_t middle = frames / 2 / period * period;
  ScoreBlock b = trial.block(tables, {middle, middle + period - 1}, {0, frames - 1});
  b.query = b.query * 1e-2;
  const Tensor w = weights.block(b);
  const Tensor seen = (w.ne(0) & w.eq(w)).reshape({-1, period, frames}).any(0).to(at::kInt).cpu();
  const Tensor first = seen.argmax(1), last = frames - 1 - seen.flip({1}).argmax(1);
  const Tensor any = seen.any(1);
  AttentionReach reach;
  for (int64_t p = 0; p < period; ++p)
    reach.push_back(any[p].item<bool>() ? Span{first[p].item<int64_t>() - middle - p,
                                               last[p].item<int64_t>() - middle - p}
                                        : Span{});
  return reach;
}

// Searches among more and more frames until the window lies clearly inside.
Window searched(const Call& call, const Scores& weights, at::ScalarType dtype) {
  std::string reason = "its mask or bias ends before the window of a query does";
  for (const int64_t frames : kSearchFrames) {
    const auto tables = tables_at(call, weights, frames, dtype);
    if (!tables) break;
    const int64_t period = period_of(weights, *tables, frames);
    if (period == 0) {
      reason = c10::str(
          "its mask or position bias is not the same at all times, nor does it "
          "repeat after up to ",
          kLongestPeriodFrames, " frames");
      continue;
    }
    const Trial trial(call, weights, frames, dtype);
    Window window{frames, probed_reach(weights, trial, *tables, frames, period)};
    const int64_t room = frames / 2 - 2 * period - frames / 16;
    if (window.widest().last > room)
      reason = "every output needs the whole signal; mask the frames that lie ahead";
    else if (-window.widest().first > room)
      reason = kUnboundedMemory;
    else
      return window;
  }
  call.refuse(reason);
}

// The tables as far as blocks need them, whose first key lies in the first period.
Tables cropped(const Scores& weights, const Tables& tables, int64_t frames) {
  Tables all;
  for (const PairTable& axes : weights.tables) {
    Tensor t = tables.at(axes.symbol.get());
    if (axes.over_keys) t = t.narrow(-1, 0, std::min(frames, t.size(-1)));
    if (axes.over_queries) t = t.narrow(-2, 0, std::min(frames, t.size(-2)));
    all[axes.symbol.get()] = t.clone();
  }
  return all;
}

// -- The process

struct Attention {
  ScoresPtr weights;
  Stream value;
  Attend attend;
  int axis;  // of time in what comes out
};

// Over frames in time order. Tables repeat: positions are counted from the period of the first key.
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

bool is_close(const Tensor& a, const Tensor& b) {
  const Tensor magnitude = b.abs().nan_to_num(0, 0, 0);
  return a.sizes() == b.sizes() &&
         at::allclose(a, b, /*rtol=*/0, 1e-5 * magnitude.max().item<double>(), /*equal_nan=*/true);
}

// What few queries make of all keys they must make of those in their window: at the start of the
// signal, in the middle and at its end.
void prove(const Call& call, const Attention& attention, const Window& window, const Tables& tables,
           const AttentionRule& rule, at::ScalarType dtype) {
  constexpr int64_t kQueries = 16;
  const Scores& s = *attention.weights;
  const int64_t n = window.frames, back = -window.widest().first;
  const Trial trial(call, s, n, dtype);
  const Tensor value = random_frames(call, attention.value, n, 3, dtype);
  for (const int64_t first :
       {int64_t{0}, kQueries, back, n / 2 - 3, n - 2 * kQueries, n - kQueries}) {
    const int64_t last = std::min(first + kQueries, n) - 1;
    const Tensor whole = attention.attend(trial.block(tables, {first, last}, {0, n - 1}), value)
                             .movedim(attention.axis, 0);
    const Span keys{std::max<int64_t>(0, first - back),
                    std::min(n - 1, last + window.widest().last)};
    const ScoreBlock seen = trial.block(tables, {first, last}, keys);
    const Tensor part = rule(
        seen.query.movedim(s.query.axis, 0), seen.key.movedim(s.key.axis, 0),
        value.narrow(attention.value.axis, keys.first, seen.keys).movedim(attention.value.axis, 0),
        first, keys.first);
    if (!is_close(part, whole))
      call.refuse(
          "what a query sees depends on the length of the signal, or on frames whose "
          "weight is zero");
  }
}

// Doubles show small weights best; but an operator may insist on its type.
at::ScalarType probing_type(const Call& call, const Attention& attention) {
  const Scores& s = *attention.weights;
  try {
    const auto tables = tables_at(call, s, kShortFrames, at::kDouble);
    const Trial trial(call, s, kShortFrames, at::kDouble);
    const int64_t keys = kFewKeys.last - kFewKeys.first + 1;
    attention.attend(trial.block(*tables, kFewQueries, kFewKeys),
                     random_frames(call, attention.value, keys, 3, at::kDouble));
    return at::kDouble;
  } catch (const std::exception&) {
    return s.query.dtype;
  }
}

Stream attended(const Call& call, const Attention& attention) {
  const Scores& s = *attention.weights;
  require_equal_lengths(call, s.query, attention.value);
  const auto dtype = probing_type(call, attention);
  const Window window = searched(call, s, dtype);
  const Span widest = window.widest();
  const int64_t period = static_cast<int64_t>(window.reach.size());

  AttentionOptions options;
  options.reach = window.reach;
  options.most_frames = s.most_frames;
  const int64_t around = period + widest.last - widest.first;
  options.tile_frames = std::min(kTileFrames, window.frames - around);
  const int64_t table_frames = around + options.tile_frames;
  const Tables probing = *tables_at(call, s, window.frames, dtype);
  prove(call, attention, window, probing,
        time_major(attention, cropped(s, probing, table_frames), period), dtype);

  const Tables tables = cropped(s, *tables_at(call, s, window.frames), table_frames);
  const int64_t keys = kFewKeys.last - kFewKeys.first + 1;
  const Tensor y = tried(call, s, [&](const ScoreBlock& b) {
    return attention.attend(b, random_frames(call, attention.value, keys, 3, s.query.dtype));
  });
  Stream out = s.query;
  out.axis = attention.axis;
  out.shape = y.sizes().vec();
  out.shape.at(out.axis) = -1;
  out.dtype = y.scalar_type();
  return call.planner.add(call.node,
                          attention1d_layer(time_major(attention, tables, period), options),
                          {s.query, s.key, attention.value}, out);
}

int rank(const Stream& stream) { return static_cast<int>(stream.shape.size()); }

// With queries before keys, whatever the model has.
ScoresPtr upright(const ScoresPtr& scores) {
  if (!scores->is_transposed) return scores;
  Scores turned = *scores;
  turned.is_transposed = false;
  turned.block = [block = scores->block](const ScoreBlock& b) {
    return block(b).transpose(-2, -1);
  };
  return std::make_shared<const Scores>(std::move(turned));
}

// Weights [.., T, T] x values [.., T, d], or values [.., d, T] x transposed weights.
std::vector<Value> weighted(const Call& call) {
  const size_t of_weights = call.args[0].scores() ? 0 : 1;
  const ScoresPtr& weights = *call.args[of_weights].scores();
  const Stream value = call.stream(1 - of_weights);
  const int from_end = of_weights == 0 ? 2 : 1;
  if (value.axis != rank(value) - from_end || weights->is_transposed != (of_weights == 1))
    call.refuse("the weights of attention are not summed over the keys");
  const int rank_out = std::max(static_cast<int>(weights->shape.size()), rank(value));
  Attention attention{upright(weights), value, nullptr, rank_out - from_end};
  attention.attend = [run = BlockOperation(call), args = call.args, of_weights](
                         const ScoreBlock& b, const Tensor& values) {
    auto all = args;
    all[1 - of_weights] = Value(IValue(values));
    return run(all, {}, b);
  };
  return {attended(call, attention)};
}

}  // namespace

// (self, other); baddbmm: (bias, batch1, batch2, beta, alpha). Queries [.., T, d] x keys [.., d,
// T].
std::vector<Value> attention_product(const Call& call) {
  const size_t first = call.node->kind().toUnqualString() == std::string("baddbmm") ? 1 : 0;
  const Stream* query = call.args[first].stream();
  const Stream* key = call.args[first + 1].stream();
  if (!query || !key || query->axis != rank(*query) - 2 || key->axis != rank(*key) - 1)
    return unknown(call);
  const Scores scores = origin(call, *query, *key);
  auto args = call.args;
  args[first] = queries_of(scores);
  args[first + 1] = keys_of(scores);
  return {Value(recorded(call, scores, args))};
}

namespace {

bool is_softmax(const std::string& name) {
  return name == "aten::softmax" || name == "aten::_softmax" || name == "aten::log_softmax";
}

// Operators that take from scores their shape or type only.
bool takes_shape(const Call& call, const std::string& name) {
  static const std::set<std::string> makes = {"aten::zeros_like", "aten::ones_like",
                                              "aten::full_like"};
  static const std::set<std::string> takes = {"aten::to", "aten::type_as", "aten::expand_as",
                                              "aten::view_as"};
  return makes.count(name) || (takes.count(name) && !call.args[0].scores());
}

}  // namespace

// The arguments with tensors in place of scores that have their shape and type and no memory.
std::vector<Value> shape_of_scores(const Call& call) {
  auto args = call.args;
  for (Value& arg : args)
    if (const ScoresPtr* scores = arg.scores())
      arg = Value(std::make_shared<Symbol>([planner = &call.planner, s = *scores](int64_t n) {
        auto shape = s->shape;
        for (int64_t& size : shape)
          if (size < 0) size = planner->frames(s->query, n);
        return IValue(at::zeros({}, at::TensorOptions(s->dtype)).expand(shape));
      }));
  return call.planner.symbolic(call.node, args);
}

std::vector<Value> attention_scores(const Call& call) {
  const std::string name = call.node->kind().toQualString();
  if (takes_shape(call, name)) return shape_of_scores(call);
  if (name == "aten::einsum") return attention_einsum(call);
  if (call.node->outputs().size() != 1)
    call.refuse("of the scores of attention it makes more than one result");
  if ((name == "aten::matmul" || name == "aten::bmm") &&
      (call.args[0].stream() || call.args[1].stream()))
    return weighted(call);
  if (name == "aten::dropout" || name == "aten::feature_dropout") return dropout(call);
  const ScoresPtr* scores = nullptr;
  for (const Value& arg : call.args)
    if (!scores) scores = arg.find<ScoresPtr>();
  if (is_softmax(name)) {
    const int64_t rank = static_cast<int64_t>((*scores)->shape.size()), dim = call.integer(1);
    if ((dim + rank) % rank != rank - ((*scores)->is_transposed ? 2 : 1))
      call.refuse("a softmax over the queries needs the whole signal; attention is one over keys");
  }
  return {Value(recorded(call, **scores, call.args))};
}

namespace {

// "bhid,bhjd->bhij" without spaces: one string of letters for each operand and one for the result.
struct Equation {
  std::string operands[2], result;
};

std::optional<Equation> equation_of(const Call& call) {
  std::string text = call.constant(0).toStringRef();
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos ||
      text.find(',', comma + 1) != std::string::npos || text.find('.') != std::string::npos)
    return std::nullopt;
  return Equation{{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1)},
                  text.substr(arrow + 2)};
}

// The arguments of an einsum over these two tensors.
std::vector<Value> einsum_args(std::vector<Value> args, Value a, Value b) {
  args[1] =
      Value(std::make_shared<std::vector<Value>>(std::vector<Value>{std::move(a), std::move(b)}));
  return args;
}

}  // namespace

// (equation, tensors, path). Queries with keys, or weights with values.
std::vector<Value> attention_einsum(const Call& call) {
  const auto equation = equation_of(call);
  const auto& tensors = **call.args[1].list();
  if (!equation || tensors.size() != 2) return unknown(call);
  const auto& [operands, result] = *equation;
  const Stream *a = tensors[0].stream(), *b = tensors[1].stream();
  if (a && b) {
    const char times[2] = {operands[0].at(a->axis), operands[1].at(b->axis)};
    if (times[0] == times[1]) return unknown(call);
    const std::string end = result.substr(std::max<size_t>(2, result.size()) - 2);
    const bool in_order = end == std::string{times[0], times[1]};
    if (!in_order && end != std::string{times[1], times[0]})
      call.refuse(
          "write the scores of attention with the time of the queries and of the keys as "
          "their last axes");
    const Scores scores = in_order ? origin(call, *a, *b) : origin(call, *b, *a);
    return {
        Value(recorded(call, scores,
                       in_order ? einsum_args(call.args, queries_of(scores), keys_of(scores))
                                : einsum_args(call.args, keys_of(scores), queries_of(scores))))};
  }
  const size_t first = tensors[0].scores() ? 0 : 1;
  const ScoresPtr* weights = tensors[first].scores();
  const Stream* value = tensors[1 - first].stream();
  if (!weights) return unknown(call);
  if ((*weights)->is_transposed) call.refuse("weights that are transposed have no rule");
  const std::string& pair = operands[first];
  const size_t time = result.find(pair.end()[-2]);
  if (!value || operands[1 - first].at(value->axis) != pair.back() || time == std::string::npos ||
      result.find(pair.back()) != std::string::npos)
    call.refuse("the weights of attention are not summed over the keys");
  Attention attention{*weights, *value, nullptr, static_cast<int>(time)};
  attention.attend = [run = BlockOperation(call), args = call.args, first, w = tensors[first]](
                         const ScoreBlock& b, const Tensor& values) {
    const Value v{IValue(values)};
    return run(first == 0 ? einsum_args(args, w, v) : einsum_args(args, v, w), {}, b);
  };
  return {attended(call, attention)};
}

namespace {

enum Whole { kQuery, kKey, kValue, kMask, kDropout };

// is_causal, in scaled_dot_product_attention of 2.x and its ancestor of 1.13, where the latter has
// need_attn_weights before.
size_t causal_index(const Call& call) {
  return call.node->kind().toUnqualString() == std::string("_scaled_dot_product_attention") ? 6 : 5;
}

}  // namespace

// (query, key, value, attn_mask, dropout_p, is_causal, ...), all [.., T, d].
std::vector<Value> attention_whole(const Call& call) {
  for (const size_t i : {kQuery, kKey, kValue}) {
    const Stream s = call.stream(i);
    if (s.axis != rank(s) - 2) call.refuse("it does not run along the time axis");
  }
  if (call.constant(kDropout).toDouble() > 0)
    call.refuse("dropout is random; call eval() before scripting");
  if (call.boolean(causal_index(call)))
    call.refuse(kUnboundedMemory);  // there is no mask beside it
  const Stream value = call.stream(kValue);
  Scores scores = origin(call, call.stream(kQuery), call.stream(kKey));
  auto args = call.args;
  args[kQuery] = queries_of(scores);
  args[kKey] = keys_of(scores);
  args[kValue] = Value(IValue());
  for (const Value& arg : args) collect(call, arg, scores);

  Attention attention{nullptr, value, nullptr, rank(value) - 2};
  attention.attend = [run = BlockOperation(call), args, tables = scores.tables](
                         const ScoreBlock& b, const Tensor& values) {
    auto all = args;
    all[kValue] = Value(IValue(values));
    return run(all, tables, b);
  };
  // With the unit vectors as values the weights come out.
  auto shape = value.shape;
  scores.block = [attend = attention.attend, shape](const ScoreBlock& b) mutable {
    shape.end()[-2] = shape.end()[-1] = b.keys;
    return attend(b, at::eye(b.keys, b.query.options()).expand(shape));
  };
  scores.dtype = value.dtype;
  attention.weights = std::make_shared<const Scores>(scores);
  std::vector<Value> results = {attended(call, attention)};
  while (results.size() < call.node->outputs().size())
    results.emplace_back(
        Poison{refusal(call.node,
                       "the weights of attention are no stream: there is one for each "
                       "pair of frames")});
  return results;
}

std::vector<Value> attention_fused(const Call& call) {
  call.refuse(
      "a fused operator has no streaming rule; script the model, or trace it with gradients "
      "enabled (on PyTorch 2: after torch.backends.mha.set_fastpath_enabled(False))");
}

}  // namespace torchstreamer::graph
