// The input frames that each output frame of the resampler depends on.
#pragma once

#include <cstdint>

#include "audio/resample_options.h"
#include "torchstreamer/timing.h"

namespace torchstreamer::audio {

/// The input frames of each output frame. The rates, divided by their greatest common divisor, are
/// orig and new. Output j depends on the input frames k with
///
///   |k / orig - j / new| * min(orig, new) * rolloff < lowpass_filter_width,
///
/// which is |k * new - j * orig| <= reach for an integer `reach`. All counts are therefore closed
/// formulas, equal for float and double. Input frames before and after the signal are zero.
class ResampleClock {
 public:
  /// Throws Error for invalid rates or options.
  ResampleClock(int64_t source_hz, int64_t target_hz, const ResampleOptions& options);

  int64_t first(int64_t output) const;
  int64_t last(int64_t output) const;
  /// Output frames of a signal of `frames` frames: ceil(new * frames / orig).
  int64_t total(int64_t frames) const;
  /// Number of output frames that depend only on the first `frames` input frames.
  int64_t certain(int64_t frames) const;
  Timing timing() const;

  int64_t orig() const { return orig_; }
  /// The reduced target rate, new: the number of different phases of output frames.
  int64_t phases() const { return new_; }
  int64_t reach() const { return reach_; }
  /// Maximum number of input frames of one output frame.
  int64_t longest_taps() const { return 2 * reach_ / new_ + 1; }

 private:
  int64_t orig_, new_, reach_;
};

}  // namespace torchstreamer::audio
