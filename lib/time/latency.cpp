// Receptive field, settling and look-ahead: maxima over one period of the output.
#include "time/latency.h"

#include <algorithm>
#include <numeric>

#include "time/period.h"

namespace torchstreamer {
namespace {

// Maximum number of output frames in the search for a maximum. A period is longer only if a reduced
// rate or a product of upsampling factors is larger than this number. Dependencies are spread
// evenly over such a period, so its first part has the same maximum.
constexpr int64_t kMaxSearchFrames = 1 << 17;

/// Returns the maximum of `value(t)` over the output frames of one period.
template <class T, class Function>
T max_over_period(const Timing& timing, T at_least, Function value) {
  const int64_t frames = std::min(timing.period_frames(), kMaxSearchFrames);
  for (int64_t t = 0; t < frames; ++t) at_least = std::max(at_least, value(t));
  return at_least;
}

}  // namespace

int64_t Timing::receptive_field_frames() const {
  return max_over_period(*this, int64_t{0}, [this](int64_t t) {
    const Span in = depends_({t, t});
    return in.last - in.first + 1;
  });
}

int64_t Timing::settling_frames() const {
  const int64_t shift = period_in_frames(*this);
  return max_over_period(*this, int64_t{0}, [&](int64_t t) -> int64_t {
    const int64_t unsettled_periods = ceil_div(-depends_({t, t}).first, shift);
    return unsettled_periods > 0 ? t + (unsettled_periods - 1) * period_frames_ + 1 : 0;
  });
}

Rational Timing::look_ahead_frames() const { return latency_frames(*this, 1); }

// Output frame t depends on the input up to frame d(t). It is computed when the block that contains
// d(t) is full, block_frames - 1 - d(t) % block_frames frames after d(t). For the output frame one
// period later, d is larger by a whole number of input frames, and its place in the block is
// shifted by that number. Over all repetitions, the smallest place is the remainder of d divided by
// the greatest common divisor of that number and block_frames. No output is computed before the
// first block is full.
Rational latency_frames(const Timing& timing, int64_t block_frames) {
  const int64_t step = std::gcd(period_in_frames(timing), block_frames);
  return max_over_period(timing, Rational(block_frames - 1), [&](int64_t t) {
    const int64_t needed = timing.depends({t, t}).last;
    const int64_t computed = floor_div(needed, step) * step + block_frames - 1;
    return Rational(computed) - Rational(t) / timing.rate();
  });
}

}  // namespace torchstreamer
