#include "graph/plan/lengths.h"

#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "graph/plan/arithmetic.h"
#include "graph/plan/formula.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kNeighbours = 1400;
constexpr int64_t kFarSamples = 2;
// Smallest number of accepted lengths. If there are fewer, kSearchedLengths others are searched, at
// most kLongestDistanceFrames apart, the first one up to kFarthestFrames.
constexpr size_t kFewestLengths = 5, kSearchedLengths = 12;
constexpr int64_t kLongestDistanceFrames = 1 << 15, kFarthestFrames = 102400;
constexpr int64_t kStepFrames = 1024;

bool is_same_value(const IValue& a, const IValue& b) {
  if (a.isTensor() != b.isTensor() || a.isNone() != b.isNone()) return false;
  if (a.isNone()) return true;
  if (!a.isTensor()) return a == b;
  const Tensor &x = a.toTensor(), &y = b.toTensor();
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() && x.equal(y);
}

// Returns false for a large tensor, so that it is not compared: it probably grows with the signal.
bool may_be_constant(const IValue& first) {
  if (!first.isTensor())
    return first.isInt() || first.isDouble() || first.isBool() || first.isNone();
  return first.toTensor().numel() <= 4096;
}

// Returns the longest length that is tried as the first one.
int64_t farthest_frames(int64_t first_frames) {
  return std::max(first_frames + kLongestDistanceFrames, kFarthestFrames);
}

using Accepts = std::function<bool(int64_t frames)>;

// Returns the first accepted length in [begin, end]; 0 if there is none.
int64_t first_accepted(const Accepts& accepts, int64_t begin, int64_t end) {
  for (int64_t n = begin; n <= end; ++n)
    if (accepts(n)) return n;
  return 0;
}

// Returns the first accepted length from `first_frames` on; 0 if there is none. Beyond the longest
// block, only multiples of kStepFrames are tried, because each length takes time: there, all
// lengths from some length on are accepted, if any.
int64_t first_accepted(const Accepts& accepts, int64_t first_frames) {
  const int64_t end = first_frames + kLongestDistanceFrames;
  if (const int64_t n = first_accepted(accepts, first_frames, end)) return n;
  for (int64_t n = (end / kStepFrames + 1) * kStepFrames; n <= farthest_frames(first_frames);
       n += kStepFrames)
    if (accepts(n)) return first_accepted(accepts, n - kStepFrames + 1, n);
  return 0;
}

// Returns lengths from `first_frames` that are accepted, with the distance of the first two. Empty
// if there are too few.
std::vector<int64_t> evenly_spaced(const Accepts& accepts, int64_t first_frames) {
  const int64_t first = first_accepted(accepts, first_frames);
  const int64_t second =
      first ? first_accepted(accepts, first + 1, first + kLongestDistanceFrames) : 0;
  std::vector<int64_t> lengths;
  for (size_t i = 0; second && i < kSearchedLengths; ++i) {
    const int64_t n = first + static_cast<int64_t>(i) * (second - first);
    if (accepts(n)) lengths.push_back(n);
  }
  if (lengths.size() < kFewestLengths) lengths.clear();
  return lengths;
}

}  // namespace

Lengths::Lengths(int64_t shortest_frames, const std::vector<int64_t>& further) {
  const int64_t far_frames = 25 * shortest_frames / 2 - 1;
  for (int64_t i = 0; i < kNeighbours; ++i) sampled_.push_back(shortest_frames + i);
  for (int64_t i = 0; i < kFarSamples; ++i) sampled_.push_back(far_frames + i);
  sampled_.insert(sampled_.end(), further.begin(), further.end());
  accepted_ = sampled_;
}

std::vector<std::pair<int64_t, IValue>> Lengths::samples(const SymbolPtr& symbol) const {
  std::vector<std::pair<int64_t, IValue>> values;
  if (!symbol->is_heavy) {
    for (const int64_t n : accepted_) values.emplace_back(n, symbol->at(n));
    return values;
  }
  for (const int64_t n : kShortLengths) try {
      values.emplace_back(n, symbol->at(n));
    } catch (const std::exception&) {  // the model may refuse some of the short lengths
    }
  if (values.empty()) throw Error("a value that depends on the length cannot be computed");
  return values;
}

Value Lengths::folded(const SymbolPtr& symbol, const Node* node) {
  const int64_t first_length = symbol->is_heavy ? kShortLengths[0] : accepted_[0];
  IValue first;
  try {
    first = symbol->at(first_length);
    if (!may_be_constant(first)) return Value(symbol);
    for (const auto& [n, value] : samples(symbol))
      if (!is_same_value(value, first)) return Value(symbol);
  } catch (const std::exception&) {
    if (symbol->is_heavy) return Value(symbol);
    throw;
  }
  expect(symbol, first, node);
  folded_.insert_or_assign(node, Folded{symbol, guards_.size() - 1});
  return Value(first);
}

SymbolPtr Lengths::unfolded(const Node* node, const IValue& constant) {
  const auto found = folded_.find(node);
  if (found == folded_.end()) return nullptr;
  const auto [symbol, guard] = found->second;
  if (symbol->is_heavy || !is_same_value(symbol->at(accepted_[0]), constant)) return nullptr;
  guards_.erase(guards_.begin() + static_cast<int64_t>(guard));
  folded_.erase(found);
  for (auto& [other, later] : folded_)
    if (later.guard > guard) --later.guard;
  return symbol;
}

IValue Lengths::fixed(const SymbolPtr& symbol, const Node* node, const std::string& what) {
  const auto values = samples(symbol);
  for (const auto& [n, at] : values)
    if (at != values[0].second) throw refusal(node, what + " depends on the length of the signal");
  expect(symbol, values[0].second, node);
  return values[0].second;
}

int64_t Lengths::fixed_integer(const Value& value, const Node* node, const std::string& what) {
  if (const IValue* constant = value.constant()) return constant->toInt();
  if (const Poison* poison = value.poison()) throw poison->refusal;
  const SymbolPtr* symbol = value.symbol();
  if (!symbol) throw refusal(node, what + " is computed from the signal");
  return fixed(*symbol, node, what).toInt();
}

LengthRule Lengths::formula(LengthRule rule, const Node* node,
                            const std::vector<SymbolPtr>& symbols, const std::string& what,
                            std::function<int64_t(int64_t, int64_t)> effect) {
  std::vector<int64_t> values;
  for (const int64_t n : sampled_) values.push_back(rule(n));
  // The formula is fitted to the consecutive lengths and checked at the long ones.
  const std::vector<int64_t> run(values.begin(), values.begin() + kNeighbours);
  const auto fitted = Formula::fit(shortest_frames(), run);
  for (size_t i = run.size(); i < values.size(); ++i)
    if (!fitted || fitted->at(sampled_[i]) != values[i])
      throw refusal(node, what +
                              " is not a linear function of the length of the signal, apart from a "
                              "rounding that repeats at least every " +
                              std::to_string(kNeighbours / 2) + " frames");
  period_frames_ = common_period(period_frames_, fitted->period_frames());
  if (!effect) effect = [](int64_t, int64_t frames) { return frames; };
  guard([=](int64_t n) { return effect(n, rule(n)) == effect(n, fitted->at(n)); }, node, symbols);
  return fitted->rule();
}

void Lengths::expect(const SymbolPtr& symbol, const IValue& value, const Node* node) {
  guard(
      [symbol, value](int64_t n) {
        return (symbol->is_heavy && n > kShortLengths.back()) ||
               is_same_value(symbol->at(n), value);
      },
      node, {symbol});
}

void Lengths::guard(std::function<bool(int64_t)> holds, const Node* node,
                    const std::vector<SymbolPtr>& symbols, const std::string& violation) {
  Guard guard{std::move(holds), refusal(node, violation).place() + ": " + violation, 1, 1};
  for (const SymbolPtr& symbol : symbols) {
    guard.period_frames = common_period(guard.period_frames, symbol->period_frames);
    guard.long_period_frames = common_period(guard.long_period_frames, long_period_frames(*symbol));
  }
  guards_.push_back(std::move(guard));
}

void Lengths::require(const std::function<bool(int64_t)>& holds, const Node* node,
                      const std::vector<SymbolPtr>& symbols, const std::string& violation) {
  std::vector<int64_t> kept;
  std::copy_if(accepted_.begin(), accepted_.end(), std::back_inserter(kept), holds);
  if (kept.size() < kFewestLengths) {
    search(holds);
    if (!wanted_.empty()) throw refusal(node, violation);
    throw refusal(node, c10::str(violation, "; a stream needs ", kFewestLengths, " lengths of ",
                                 shortest_frames(), " to ", farthest_frames(shortest_frames()),
                                 " frames that the model takes; save it without this limit"));
  }
  accepted_ = std::move(kept);
  guard(holds, node, symbols, violation);
}

void Lengths::search(const std::function<bool(int64_t)>& holds) {
  const auto accepts = [&](int64_t n) {
    return holds(n) && std::all_of(guards_.begin(), guards_.end(),
                                   [=](const Guard& guard) { return graph::holds(guard, n); });
  };
  are_too_few_ = true;
  wanted_ = evenly_spaced(accepts, shortest_frames());
}

}  // namespace torchstreamer::graph
