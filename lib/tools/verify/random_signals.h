// Random signals and random pushes, for verification.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "network/layer.h"
#include "support/noise.h"

namespace torchstreamer::tools {

/// Limit of the length of signals that limits nothing.
constexpr int64_t kAnyFrames = std::numeric_limits<int64_t>::max();

/// Returns the receptive field that the lengths of signals are derived from: that of the network,
/// or a smaller one so that signals of a few fields fit into `most_frames`.
int64_t tried_field_frames(const Layer& network, int64_t most_frames);

/// All results are determined by the seed.
class RandomSignals {
 public:
  explicit RandomSignals(uint32_t seed);

  /// Returns a random number in [low, high].
  int64_t between(int64_t low, int64_t high);

  /// Returns noise, `[C, frames]`.
  Tensor signal(const Format& in, int64_t frames);

  /// Returns noise with passages that are silent, quiet or loud, `[C, frames]`.
  Tensor passages(const Format& in, int64_t frames);

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
