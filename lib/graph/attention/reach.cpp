#include "graph/attention/reach.h"

#include <ATen/TensorOperators.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "graph/attention/trial.h"

namespace torchstreamer::graph {
namespace {

constexpr int64_t kSearchFrames[] = {64, 256, 1024, 4096};

// Returns the windows of the queries of one period in the middle of `frames` frames. Queries and
// keys are small, so that a weight is zero only because of the mask.
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

// Refuses masks that may change at a distance that is larger than in the trials and at most
// `frames` frames.
void require_examined(const Call& call, const Scores& weights, int64_t trial_frames,
                      int64_t frames) {
  const int64_t limit = trial_frames / 4;
  if (frames <= limit) return;
  for (const PairTable& table : weights.tables)
    if (const auto number = number_within(Value(table.symbol), static_cast<double>(limit),
                                          static_cast<double>(frames)))
      call.refuse(c10::str("its mask or bias is computed with the number ", *number,
                           ", which may be the length of a window; bound the attention to at most ",
                           limit, " frames"));
}

// Returns the window of attention over all earlier keys, given the one found in a trial.
KeyWindow unbounded(const Call& call, const Scores& weights, KeyWindow window) {
  if (window.period() != 1)
    call.refuse("its mask repeats in periods; bound the attention to a window");
  const int64_t frames = call.plan.frames(weights.query, call.plan.max_memory_frames());
  require_examined(call, weights, window.frames, frames);
  window.is_unbounded = true;
  window.reach = {{-std::max<int64_t>(1, frames) + 1, window.widest().last}};
  return window;
}

}  // namespace

Span KeyWindow::widest() const {
  Span all;
  for (const Span& phase : reach) all = hull(all, phase);
  return all;
}

KeyWindow searched(const Call& call, const Scores& weights, at::ScalarType dtype) {
  std::optional<KeyWindow> all_earlier;
  std::string reason = "its mask or bias ends before the window of a query does";
  for (const int64_t frames : kSearchFrames) {
    auto tables = tables_at(call, weights, frames, dtype);
    if (!tables) break;
    const int64_t period = period_of(weights, *tables, frames);
    if (period == 0) {
      reason = c10::str(
          "its mask or position bias is not the same at all times and has no "
          "period of up to ",
          kLongestPeriodFrames, " frames");
      continue;
    }
    const Trial trial(call, weights, frames, dtype);
    AttentionReach reach = probed_reach(weights, trial, *tables, frames, period);
    KeyWindow window{frames, std::move(*tables), std::move(reach)};
    const int64_t room = frames / 2 - 2 * period - frames / 16;
    if (window.widest().last > room)
      reason = "every output needs the whole signal; mask later frames";
    else if (-window.widest().first <= room)
      return window;
    else
      std::tie(reason, all_earlier) = std::pair(kUnboundedMemory, std::move(window));
  }
  if (reason == kUnboundedMemory && call.plan.max_memory_frames() > 0)
    return unbounded(call, weights, std::move(*all_earlier));
  call.refuse(reason);
}

}  // namespace torchstreamer::graph
