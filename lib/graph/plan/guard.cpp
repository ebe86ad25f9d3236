#include "graph/plan/guard.h"

#include <algorithm>
#include <numeric>

namespace torchstreamer::graph {
namespace {

// Longest period that is tried.
constexpr int64_t kLongestPeriodFrames = 1 << 14;
// Lengths from which on whole periods are tried: the last one stands for any length.
constexpr int64_t kFarFrames[] = {int64_t{1} << 20, int64_t{1} << 30, int64_t{1} << 40};

bool holds_for_one_period(const Guard& guard, int64_t from_frames) {
  for (int64_t n = from_frames; n < from_frames + guard.period_frames; ++n)
    if (!holds(guard, n)) return false;
  return true;
}

bool holds_for_long_signals(const Guard& guard, int64_t shortest_frames) {
  return std::all_of(std::begin(kFarFrames), std::end(kFarFrames), [&](int64_t far) {
    return holds_for_one_period(guard, shortest_frames + far);
  });
}

bool holds_for_all(const Guard& guard, const std::vector<int64_t>& lengths) {
  return std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return holds(guard, n); });
}

// Returns the length of the longest signal in one period from `from_frames` on for which the guard
// holds; 0 if there is none.
int64_t longest_held(const Guard& guard, int64_t from_frames) {
  for (int64_t n = from_frames + guard.long_period_frames - 1; n >= from_frames; --n)
    if (guard.holds(n)) return n;
  return 0;
}

// Returns the length of the longest signal for which the guard holds, by bisection in whole
// periods. No limit is known if an operator fails for a long signal.
int64_t most_frames(const Guard& guard, int64_t shortest_frames) try {
  if (guard.long_period_frames == 0) return Guard::kEndless;
  int64_t held = 0, refused = *std::rbegin(kFarFrames) / guard.long_period_frames;
  const auto longest = [&](int64_t periods) {
    return longest_held(guard, shortest_frames + periods * guard.long_period_frames);
  };
  if (longest(refused) || !longest(held)) return Guard::kEndless;
  while (refused - held > 1) {
    const int64_t middle = held + (refused - held) / 2;
    (longest(middle) ? held : refused) = middle;
  }
  return longest(held);
} catch (const std::exception&) {
  return Guard::kEndless;
}

}  // namespace

bool holds(const Guard& guard, int64_t source_frames) {
  try {
    return guard.holds(source_frames);
  } catch (const std::exception&) {
    return false;
  }
}

// Evaluates all guards for one length after the other, because they share the counts and values of
// a length.
std::vector<Guard> violated_guards(const std::vector<Guard>& guards, int64_t shortest_frames,
                                   const std::vector<int64_t>& notable_lengths) {
  std::vector<Guard> violated = guards;
  std::vector<Guard*> undecided;
  int64_t period = 1;
  for (Guard& guard : violated)
    if (guard.period_frames > 0 && holds_for_long_signals(guard, shortest_frames) &&
        holds_for_all(guard, notable_lengths)) {
      undecided.push_back(&guard);
      period = std::max(period, guard.period_frames);
    } else {
      guard.most_frames = most_frames(guard, shortest_frames);
    }
  for (int64_t n = shortest_frames + period; n > 0 && !undecided.empty(); --n)
    undecided.erase(std::remove_if(undecided.begin(), undecided.end(),
                                   [n, shortest_frames](Guard* guard) {
                                     if (holds(*guard, n)) return false;
                                     if (n < shortest_frames) guard->longest_frames = n;
                                     return true;
                                   }),
                    undecided.end());
  for (Guard* guard : undecided) guard->longest_frames = 0;
  violated.erase(std::remove_if(violated.begin(), violated.end(),
                                [](const Guard& guard) { return guard.longest_frames == 0; }),
                 violated.end());
  return violated;
}

int64_t common_period(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;
  int64_t common = 0;
  const bool is_known = !__builtin_mul_overflow(a / std::gcd(a, b), b, &common);
  return is_known && common <= kLongestPeriodFrames ? common : 0;
}

}  // namespace torchstreamer::graph
