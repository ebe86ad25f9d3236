#include "time/period.h"

#include <numeric>

namespace torchstreamer {

int64_t period_in_frames(const Timing& timing) {
  return (Rational(timing.period_frames()) / timing.rate()).num;
}

int64_t chained_period_frames(int64_t before_period_frames, const Timing& after) {
  return after.period_frames() *
         (before_period_frames / std::gcd(before_period_frames, period_in_frames(after)));
}

}  // namespace torchstreamer
