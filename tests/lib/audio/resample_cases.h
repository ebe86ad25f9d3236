// Random rate conversions, and a reference of the resampler as one dense sum.
#pragma once

#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "audio/resampler.h"
#include "lib/support/torchaudio_cases.h"

namespace torchstreamer::audio {

constexpr char kHann[] = "sinc_interp_hann";
constexpr char kKaiser[] = "sinc_interp_kaiser";

/// Random choices; the seed is printed if a check fails.
struct Random {
  explicit Random(unsigned seed) : engine(seed), trace(__FILE__, __LINE__, seed_text(seed)) {}
  static std::string seed_text(unsigned seed) { return "seed " + std::to_string(seed); }

  int64_t integer(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(engine);
  }
  template <class X>
  X one_of(const std::vector<X>& choices) {
    return choices[integer(0, choices.size() - 1)];
  }
  template <class T>
  std::vector<T> signal(int64_t samples) {
    std::vector<T> x(samples);
    std::uniform_real_distribution<T> uniform(-1, 1);
    for (T& sample : x) sample = uniform(engine);
    return x;
  }

  std::mt19937 engine;
  testing::ScopedTrace trace;
};

struct Conversion {
  int64_t source_hz, target_hz;
  ResampleOptions options;
  int64_t orig() const { return source_hz / std::gcd(source_hz, target_hz); }
  int64_t phases() const { return target_hz / std::gcd(source_hz, target_hz); }
};

inline std::string text(const Conversion& s) {
  return std::to_string(s.source_hz) + " -> " + std::to_string(s.target_hz) + " Hz, " +
         s.options.resampling_method + ", width " + std::to_string(s.options.lowpass_filter_width) +
         ", rolloff " + std::to_string(s.options.rolloff);
}

inline Conversion random_conversion(Random& random) {
  const std::vector<int64_t> rates_hz = {8000, 11025, 16000, 22050, 44100, 48000, 96000};
  Conversion s{random.one_of(rates_hz), random.one_of(rates_hz), {}};
  if (random.integer(0, 2) == 0) s = {random.integer(1, 40), random.integer(1, 40), {}};
  s.options.resampling_method = random.one_of<std::string>({kHann, kKaiser});
  s.options.lowpass_filter_width = random.one_of<int>({1, 2, 6, 16, 33});
  s.options.rolloff = random.one_of<double>({0.3, 0.8, 0.9475, 0.99, 1.0});
  s.options.beta = random.one_of<double>({0, 2.5, 14.769656459379492, 30});
  return s;
}

template <class T>
std::shared_ptr<const ResampleFilter<T>> make_filter(const Conversion& s) {
  return std::make_shared<const ResampleFilter<T>>(s.source_hz, s.target_hz, s.options);
}

// One coefficient of torchaudio's _get_sinc_resample_kernel.
template <class T>
T coefficient(const Conversion& s, int64_t phase, int64_t tap) {
  const T pi = T(M_PI), width = s.options.lowpass_filter_width;
  const T scale = T(std::min(s.orig(), s.phases()) * s.options.rolloff / s.orig());
  const T base = T(std::min(s.orig(), s.phases()) * s.options.rolloff);
  T t = (T(-phase) / T(s.phases()) + T(tap) / T(s.orig())) * base;
  if (!(std::abs(t) < width)) return 0;
  T window = std::pow(std::cos(t * pi / width / 2), T(2));
  if (s.options.resampling_method == kKaiser) {
    const float beta = static_cast<float>(s.options.beta);
    const T x = T(beta) * std::sqrt(1 - (t / width) * (t / width));
    window = T(std::cyl_bessel_i(0., double(x))) / T(float(std::cyl_bessel_i(0., double(beta))));
  }
  t *= pi;
  return (t == 0 ? T(1) : std::sin(t) / t) * (window * scale);
}

// Slow reference of the resampler: [frames] -> [ceil(phases * frames / orig)].
template <class T>
std::vector<T> dense_resample(const Conversion& s, const std::vector<T>& x) {
  if (s.orig() == s.phases()) return x;
  const int64_t n = x.size();
  std::vector<T> y((n * s.phases() + s.orig() - 1) / s.orig());
  for (size_t j = 0; j < y.size(); ++j)
    for (int64_t i = 0; i < n; ++i)
      y[j] += x[i] * coefficient<T>(s, j % s.phases(), i - int64_t(j) / s.phases() * s.orig());
  return y;
}

/// Pushes x, [frames, channels], in chunks that `next_chunk` chooses.
template <class T, class NextChunk>
std::vector<T> stream(Resampler<T>& resampler, const std::vector<T>& x, int64_t channels,
                      NextChunk next_chunk) {
  const int64_t frames = x.size() / channels;
  std::vector<T> y;
  bool final = false;
  for (int64_t done = 0; !final;) {
    const int64_t chunk = std::min<int64_t>(next_chunk(), frames - done);
    // The last frames are sometimes the final push, sometimes followed by an empty one.
    final = done + chunk == frames && chunk % 2 == 0;
    const size_t samples = resampler.frames_due(chunk, final) * channels;
    y.resize(y.size() + samples);
    resampler.push(x.data() + done * channels, chunk, final, y.data() + y.size() - samples);
    done += chunk;
  }
  return y;
}

template <class T>
std::vector<T> stream_at_once(const Conversion& s, const std::vector<T>& x) {
  Resampler<T> resampler(make_filter<T>(s), 1);
  std::vector<T> y(resampler.frames_due(x.size(), true));
  resampler.push(x.data(), x.size(), true, y.data());
  return y;
}

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference = std::abs(double(a[i]) - double(b[i]));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
double largest_magnitude(const std::vector<T>& x) {
  double largest = 1;
  for (T sample : x) largest = std::max(largest, std::abs(double(sample)));
  return largest;
}

}  // namespace torchstreamer::audio
