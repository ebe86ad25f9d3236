// Receptive field and look-ahead, found by a search over one period of the output.
#include "time/latency.h"

#include <algorithm>
#include <numeric>

namespace torchstreamer {

// The search for the widest and the latest dependency ends here. Only reduced rates of more than
// this, or as many upsampling stages, have a longer period, and theirs is even all over.
constexpr int64_t kLongestPeriodFrames = 1 << 17;

int64_t Timing::receptive_field_frames() const {
  int64_t widest = 0;
  for (int64_t t = 0; t < std::min(period_frames_, kLongestPeriodFrames); ++t) {
    const Span in = depends_({t, t});
    widest = std::max(widest, in.last - in.first + 1);
  }
  return widest;
}

int64_t Timing::settling_frames() const {
  const int64_t period_in_frames = (Rational(period_frames_) / rate_).num;
  int64_t settled = 0;
  for (int64_t t = 0; t < std::min(period_frames_, kLongestPeriodFrames); ++t) {
    const int64_t unsettled_periods = ceil_div(-depends_({t, t}).first, period_in_frames);
    if (unsettled_periods > 0)
      settled = std::max(settled, t + (unsettled_periods - 1) * period_frames_ + 1);
  }
  return settled;
}

Rational Timing::look_ahead_frames() const {
  Rational furthest = Rational(depends_({0, 0}).last);
  for (int64_t t = 1; t < std::min(period_frames_, kLongestPeriodFrames); ++t)
    furthest = std::max(furthest, Rational(depends_({t, t}).last) - Rational(t) / rate_);
  return std::max(furthest, Rational(0));
}

// Output frame t depends on input up to frame d(t) and is computed with the last frame of the block
// that contains d(t), block_frames - 1 - d(t) % block_frames frames after d(t). One period of the
// output later, d is shifted by a whole number of input frames, and so is its place in the block.
// Over all repetitions the smallest place is the remainder of d by the greatest common divisor of
// that number and block_frames. No output is computed before the first block is full.
Rational latency_frames(const Timing& timing, int64_t block_frames) {
  if (block_frames == 1) return timing.look_ahead_frames();
  const int64_t period = timing.period_frames();
  const int64_t step = std::gcd((Rational(period) / timing.rate()).num, block_frames);
  Rational latest = Rational(block_frames - 1);
  for (int64_t t = 0; t < std::min(period, kLongestPeriodFrames); ++t) {
    const int64_t needed = timing.depends({t, t}).last;
    const int64_t computed = floor_div(needed, step) * step + block_frames - 1;
    latest = std::max(latest, Rational(computed) - Rational(t) / timing.rate());
  }
  return latest;
}

}  // namespace torchstreamer
