#include "gst/support/oracle.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace torchstreamer::test {
namespace {

double known_weight(int o, int i, int k) { return ((3 * o + 5 * i + 7 * k) % 11 - 5) / 16.0; }

Signal silence(int channels, int64_t frames) {
  return Signal(channels, std::vector<double>(std::max<int64_t>(0, frames)));
}

int64_t frames_out(const KnownLayer& l, int64_t frames) {
  if (l.is_transposed) return (frames - 1) * l.stride + l.kernel - 2 * l.padding;
  const int64_t rest = frames + 2 * l.padding - l.kernel;
  return rest < 0 ? 0 : rest / l.stride + 1;
}

/// Adds the product of input frame i and tap k to output frame i stride + k - padding (transposed
/// convolution), or to output frame j with i = j stride + k - padding (convolution).
Signal applied(const KnownLayer& l, const Signal& x) {
  Signal y = silence(l.channels_out, frames_out(l, frames_of(x)));
  for (int o = 0; o < l.channels_out; ++o) {
    std::fill(y[o].begin(), y[o].end(), (o + 1) / 32.0);
    for (int c = 0; c < l.channels_in; ++c)
      for (int k = 0; k < l.kernel; ++k) {
        const int64_t longer = l.is_transposed ? frames_of(x) : frames_of(y);
        for (int64_t t = 0; t < longer; ++t) {
          const int64_t other = t * l.stride + k - l.padding;
          const int64_t i = l.is_transposed ? t : other, j = l.is_transposed ? other : t;
          if (i < 0 || j < 0 || i >= frames_of(x) || j >= frames_of(y)) continue;
          y[o][j] += known_weight(o, c, k) * x[c][i];
        }
      }
  }
  return y;
}

}  // namespace

Signal part_of(const Signal& signal, int64_t first, int64_t count) {
  Signal part;
  for (const auto& channel : signal)
    part.emplace_back(channel.begin() + first, channel.begin() + first + count);
  return part;
}

Signal known_model(const std::vector<KnownLayer>& layers, Signal x) {
  for (const KnownLayer& layer : layers) x = applied(layer, x);
  return x;
}

Signal resampled(const Signal& x, int64_t source_hz, int64_t target_hz) {
  constexpr int kWidth = 6;
  const int64_t common = std::gcd(source_hz, target_hz);
  const int64_t source = source_hz / common, target = target_hz / common;
  const double cutoff = std::min(source, target) * 0.99;
  Signal y = silence(x.size(), (frames_of(x) * target + source - 1) / source);
  for (int64_t j = 0; j < frames_of(y); ++j)
    for (int64_t i = 0; i < frames_of(x); ++i) {
      const double t = cutoff * (static_cast<double>(i) / source - static_cast<double>(j) / target);
      if (std::abs(t) >= kWidth) continue;
      const double window = std::pow(std::cos(t * M_PI / kWidth / 2), 2);
      const double sinc = t == 0 ? 1 : std::sin(t * M_PI) / (t * M_PI);
      for (size_t c = 0; c < x.size(); ++c) y[c][j] += x[c][i] * sinc * window * cutoff / source;
    }
  return y;
}

}  // namespace torchstreamer::test
