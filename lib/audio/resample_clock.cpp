#include "audio/resample_clock.h"

#include <algorithm>
#include <numeric>

namespace torchstreamer::audio {
namespace {

/// Returns the largest distance |k * new - j * orig| of input k and output j inside the window.
int64_t reach(int64_t orig, int64_t new_, const ResampleOptions& options) {
  const auto width = static_cast<double>(options.lowpass_filter_width * std::max(orig, new_));
  auto reach = static_cast<int64_t>(width / options.rolloff);
  while (reach * options.rolloff >= width) --reach;
  return orig == new_ ? 0 : reach;
}

}  // namespace

ResampleClock::ResampleClock(int64_t source_hz, int64_t target_hz, const ResampleOptions& options) {
  check_conversion(source_hz, target_hz, options);
  const int64_t divisor = std::gcd(source_hz, target_hz);
  orig_ = source_hz / divisor;
  new_ = target_hz / divisor;
  reach_ = audio::reach(orig_, new_, options);
}

// Products of frame counts and rates may not fit in 64 bits, so whole periods are counted
// separately.
int64_t ResampleClock::first(int64_t output) const {
  const int64_t period = floor_div(output, new_), phase = output - period * new_;
  return period * orig_ + ceil_div(phase * orig_ - reach_, new_);
}

int64_t ResampleClock::last(int64_t output) const {
  const int64_t period = floor_div(output, new_), phase = output - period * new_;
  return period * orig_ + floor_div(phase * orig_ + reach_, new_);
}

int64_t ResampleClock::total(int64_t frames) const {
  return frames / orig_ * new_ + ceil_div(frames % orig_ * new_, orig_);
}

int64_t ResampleClock::certain(int64_t frames) const {
  const int64_t outputs = frames / orig_ * new_ + ceil_div(frames % orig_ * new_ - reach_, orig_);
  return std::max<int64_t>(0, outputs);
}

Timing ResampleClock::timing() const {
  if (orig_ == new_) return Timing::pointwise();
  auto count = [clock = *this](const Count& in) {
    return Count{clock.certain(in.now), clock.total(in.total), in.source};
  };
  auto depends = [clock = *this](Span out) {
    return Span{clock.first(out.first), clock.last(out.last)};
  };
  return Timing({new_, orig_}, new_, count, depends);
}

}  // namespace torchstreamer::audio
