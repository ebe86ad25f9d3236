#include "graph/attention/tables.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "support/search.h"

namespace torchstreamer::graph {
namespace {

// Returns the square part of a table for the `frames` queries and keys that start at `first`.
Tensor square(const Tensor& table, const PairTable& axes, int64_t first, int64_t frames) {
  return part(table, axes, {{}, {}, first, frames, first, frames, {}});
}

// Returns the maximum number of frames for which a table of `size` rows contains the whole slice
// `mask[:end]`.
int64_t frames_within(const Call& call, const Stream& query, const SymbolPtr& end, int64_t size) {
  const int64_t limit = 2 * size;
  const int64_t too_long = first_where(0, limit + 1, [&](int64_t frames) {
    return end->at(source_frames(call, query, frames)).toInt() > size;
  });
  return too_long <= limit ? too_long - 1 : 0;
}

// Returns true if an integer is a constant plus k times the number of frames of the query, with k
// from -2 to 2.
bool is_regular(const Call& call, const Stream& query, Symbol& integer) {
  const auto& lengths = call.lengths.accepted();
  for (const int64_t k : {1, 0, 2, -1, -2}) {
    auto rest = [&](int64_t n) { return integer.at(n).toInt() - k * call.plan.frames(query, n); };
    const int64_t first = rest(lengths[0]);
    if (std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return rest(n) == first; }))
      return true;
  }
  return false;
}

// Refuses tables that are computed from irregular integers, such as a window of max(64, T // 100)
// frames, because tables are computed for short signals only and are assumed to continue in the
// same way.
void require_regular(const Call& call, const Stream& query, const Value& value, bool makes_table) {
  if (const ListPtr* items = value.list())
    for (const Value& item : **items) require_regular(call, query, item, makes_table);
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) return;
  if (!(*symbol)->is_heavy && (*symbol)->at(call.lengths.accepted()[0]).isInt()) {
    if (makes_table && !is_regular(call, query, **symbol))
      call.refuse(
          "its mask or bias is made with a number that depends on the length of the signal");
    return;
  }
  if (!(*symbol)->origin) return;
  for (const Value& arg : (*symbol)->origin->args) require_regular(call, query, arg, true);
}

// Returns true for operators that multiply values or fill a tensor with a value.
bool is_filled(const Node* node) {
  static const std::set<std::string> names = {"full",        "full_like",    "new_full", "mul",
                                              "masked_fill", "masked_fill_", "mul_",     "where"};
  return names.count(node->kind().toUnqualString()) > 0;
}

// Returns the absolute value of a constant number or a tensor of one number, 0 for others.
double magnitude(const IValue& constant) {
  const bool is_tensor =
      constant.isTensor() && constant.toTensor().numel() == 1 && !constant.toTensor().is_complex();
  if (!is_tensor && !constant.isInt() && !constant.isDouble()) return 0;
  return std::abs(is_tensor ? constant.toTensor().item<double>() : constant.toScalar().toDouble());
}

}  // namespace

int64_t source_frames(const Call& call, const Stream& stream, int64_t frames) {
  auto is_enough = [&](int64_t n) { return call.plan.frames(stream, n) >= frames; };
  int64_t enough = 1;
  while (!is_enough(enough)) {
    if (enough > int64_t{1} << 40) call.refuse("its operands do not grow with the signal");
    enough *= 2;
  }
  return first_where(enough / 2, enough, is_enough);
}

PairTable table_of(const Call& call, const Stream& query, const SymbolPtr& symbol) {
  require_regular(call, query, Value(symbol), false);
  const int64_t short_source = source_frames(call, query, kShortFrames);
  const int64_t long_source = source_frames(call, query, kShortFrames + 7);
  if (!symbol->at(short_source).isTensor())
    call.refuse("an operand depends on the length of the signal");
  const Tensor a = symbol->at(short_source).toTensor(), b = symbol->at(long_source).toTensor();
  const int64_t a_frames = call.plan.frames(query, short_source);
  const int64_t b_frames = call.plan.frames(query, long_source);
  PairTable table{symbol};
  for (int64_t d = 1; d <= a.dim(); ++d) {
    if (a.size(-d) == b.size(-d)) continue;
    if (d > 2 || a.size(-d) != a_frames || b.size(-d) != b_frames)
      call.refuse(c10::str("its mask or bias, ", a.sizes(), " for ", a_frames,
                           " frames, has no entry for each pair of frames"));
    (d == 1 ? table.over_keys : table.over_queries) = true;
  }
  if (!square(b, table, 0, a_frames).equal(a))
    call.refuse("its mask or bias at a time depends on the length of the signal");
  return table;
}

int64_t most_frames_of(const Call& call, const Stream& query, const Symbol& symbol) {
  if (!symbol.origin) return 0;
  int64_t most = 0;
  const auto& [node, args, output] = *symbol.origin;
  for (const Value& arg : args)
    if (arg.symbol()) most = lesser_limit(most, most_frames_of(call, query, **arg.symbol()));
  if (node->kind().toQualString() != std::string("aten::slice") || args.size() != 5) return most;
  const IValue* table = args[0].constant();
  if (!table || !table->isTensor() || !args[1].constant() || !args[3].symbol()) return most;
  const int64_t size = table->toTensor().size(args[1].constant()->toInt());
  return lesser_limit(most, frames_within(call, query, *args[3].symbol(), size));
}

Optional<double> number_within(const Value& value, double over, double most) {
  std::vector<Value> parts;
  if (const IValue* constant = value.constant()) {
    const double number = magnitude(*constant);
    return number > over && number <= most ? Optional<double>(number) : Optional<double>();
  }
  if (const ListPtr* items = value.list()) parts = **items;
  const SymbolPtr* symbol = value.symbol();
  if (symbol && (*symbol)->origin) parts = (*symbol)->origin->args;
  const bool has_factors = symbol && (*symbol)->origin && is_filled((*symbol)->origin->node);
  for (const Value& part : parts) {
    if (has_factors && part.is_constant()) continue;
    if (const auto number = number_within(part, over, most)) return number;
  }
  return {};
}

Optional<Tables> tables_at(const Call& call, const Scores& scores, int64_t frames,
                           Optional<at::ScalarType> dtype) {
  Tables all;
  for (const PairTable& table : scores.tables) {
    const Tensor t = table.symbol->at(source_frames(call, scores.query, frames)).toTensor();
    if ((table.over_keys && t.size(-1) < frames) || (table.over_queries && t.size(-2) < frames))
      return {};
    all[table.symbol.get()] = dtype && at::isFloatingType(t.scalar_type()) ? t.to(*dtype) : t;
  }
  return all;
}

Tensor part(const Tensor& table, const PairTable& axes, const ScoreBlock& block) {
  Tensor t = table;
  if (axes.over_keys) t = t.narrow(-1, block.first_key, block.keys);
  if (axes.over_queries) t = t.narrow(-2, block.first_query, block.queries);
  return t;
}

int64_t period_of(const Scores& scores, const Tables& tables, int64_t frames) {
  auto repeats = [&](const PairTable& axes, int64_t period) {
    const Tensor& t = tables.at(axes.symbol.get());
    const Tensor a = square(t, axes, 0, frames - period);
    const Tensor b = square(t, axes, period, frames - period);
    // Compares one row first, which excludes most wrong periods.
    const bool is_matrix = axes.over_queries && axes.over_keys;
    return (!is_matrix || a.select(-2, 0).equal(b.select(-2, 0))) && a.equal(b);
  };
  for (int64_t p = 1; p <= std::min(kLongestPeriodFrames, frames / 16); ++p)
    if (std::all_of(scores.tables.begin(), scores.tables.end(),
                    [&](const PairTable& axes) { return repeats(axes, p); }))
      return p;
  return 0;
}

Tables cropped(const Scores& scores, const Tables& tables, int64_t frames) {
  Tables all;
  for (const PairTable& axes : scores.tables)
    all[axes.symbol.get()] = square(tables.at(axes.symbol.get()), axes, 0, frames).clone();
  return all;
}

}  // namespace torchstreamer::graph
