// Random signals and random pushes, for verification.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "network/format.h"
#include "support/noise.h"

namespace torchstreamer::tools {

/// All results are determined by the seed.
class RandomSignals {
 public:
  explicit RandomSignals(uint32_t seed);

  /// Returns a random number in [low, high].
  int64_t between(int64_t low, int64_t high);

  /// Returns noise, `[C, frames]`.
  Tensor signal(const Format& in, int64_t frames);

  /// Ways to cut a signal into pushes.
  enum class Cut { kWhole, kSingleFrames, kSmallPrimes, kAny };
  static constexpr Cut kCuts[] = {Cut::kWhole, Cut::kSingleFrames, Cut::kSmallPrimes, Cut::kAny};

  /// Returns sizes of pushes for a signal of `frames` frames. kSingleFrames and kSmallPrimes
  /// determine the sizes of the first pushes only, so that long signals do not need too many
  /// pushes. All other pushes have any size, including 0.
  std::vector<int64_t> cut(int64_t frames, Cut way);

 private:
  std::mt19937 engine_;
  Noise noise_;
};

}  // namespace torchstreamer::tools
