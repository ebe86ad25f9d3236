#include "tools/verify/random_signals.h"

#include <algorithm>

namespace torchstreamer::tools {

int64_t tried_field_frames(const Layer& network, int64_t most_frames) {
  return std::min(network.timing().receptive_field_frames(), most_frames / 4 + 1);
}

RandomSignals::RandomSignals(uint32_t seed) : engine_(seed), noise_(seed) {}

int64_t RandomSignals::between(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(engine_);
}

Tensor RandomSignals::signal(const Format& in, int64_t frames) {
  return noise_.next({in.channels(), frames}, in.dtype).to(in.device);
}

Tensor RandomSignals::passages(const Format& in, int64_t frames) {
  constexpr double kLevels[] = {0, 1, 1e-3, 0.05};
  Tensor x = signal(in, frames);
  for (int64_t at = 0; at < frames;) {
    const int64_t length = std::min(frames - at, between(1, 1 + frames / 2));
    x.narrow(1, at, length).mul_(kLevels[between(0, 3)]);
    at += length;
  }
  return x;
}

std::vector<int64_t> RandomSignals::cut(int64_t frames, Cut way) {
  constexpr int64_t kPrimes[] = {2, 3, 5, 7, 11, 13};
  constexpr size_t kSmallPushes = 400;
  std::vector<int64_t> pushes;
  for (int64_t left = frames; left > 0; left -= pushes.back()) {
    int64_t n = between(0, 1 + frames / 4);
    if (way == Cut::kWhole) n = frames;
    if (pushes.size() < kSmallPushes) {
      if (way == Cut::kSingleFrames) n = 1;
      if (way == Cut::kSmallPrimes) n = kPrimes[pushes.size() % 6];
    }
    pushes.push_back(std::min(n, left));
  }
  if (between(0, 1)) pushes.push_back(0);  // an empty final push
  return pushes;
}

}  // namespace torchstreamer::tools
