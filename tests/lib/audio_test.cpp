// The resampler against its formula, against torchaudio, and in every sample format.

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "audio/resample_engine.h"
#include "audio/resampler.h"
#include "audio/sample_format.h"
#include "processor.h"
#include "torchaudio_cases.h"
#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

constexpr char kHann[] = "sinc_interp_hann";
constexpr char kKaiser[] = "sinc_interp_kaiser";

/// One run of random choices; its seed is printed where a check fails.
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

std::string text(const Conversion& s) {
  return std::to_string(s.source_hz) + " -> " + std::to_string(s.target_hz) + " Hz, " +
         s.options.resampling_method + ", width " + std::to_string(s.options.lowpass_filter_width) +
         ", rolloff " + std::to_string(s.options.rolloff);
}

Conversion random_conversion(Random& random) {
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

// The slow, obvious resampler: [frames] in, [ceil(new * frames / orig)] out.
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

template <class T>
class ResamplerTest : public testing::Test {};
using SampleTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(ResamplerTest, SampleTypes);

TYPED_TEST(ResamplerTest, TimingEqualsBruteForce) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    const Timing timing = make_filter<TypeParam>(s)->timing();
    if (s.orig() == s.phases()) continue;
    const auto is_inside = [&](int64_t output, int64_t frame) {
      const auto distance = static_cast<double>(frame * s.phases() - output * s.orig());
      return std::abs(distance) * s.options.rolloff <
             s.options.lowpass_filter_width * std::max(s.orig(), s.phases());
    };
    for (int64_t j = 0; j < 2 * s.phases(); j += random.integer(1, 9)) {
      const Span span = timing.depends({j, j});
      ASSERT_TRUE(is_inside(j, span.first) && is_inside(j, span.last)) << j;
      ASSERT_FALSE(is_inside(j, span.first - 1) || is_inside(j, span.last + 1)) << j;
    }
    for (int64_t n = 0, certain = 0; n < 300; ++n) {
      while (timing.depends({certain, certain}).last < n) ++certain;
      const int64_t total = (n * s.phases() + s.orig() - 1) / s.orig();
      ASSERT_EQ(timing.frames_out(n, false), std::min(certain, total)) << n << " frames";
      ASSERT_EQ(timing.frames_out(n, true), total) << n << " frames";
    }
  }
}

TEST(Resampler, TimingIsTheSameForFloatAndDouble) {
  for (double rolloff : {0.99, 1.0})
    for (auto [source_hz, target_hz] : {std::pair(16001, 16000), {9343, 48000}, {48000, 44100}}) {
      const Conversion s{source_hz, target_hz, {kHann, 6, rolloff}};
      const auto f32 = make_filter<float>(s);
      const auto f64 = make_filter<double>(s);
      for (int64_t frames = 0; frames < 20000; frames += 7)
        ASSERT_EQ(f32->clock().certain(frames), f64->clock().certain(frames)) << text(s);
    }
}

TEST(Resampler, TimingIsExactForYearsOfAudio) {
  for (auto [source_hz, target_hz] : {std::pair(96000, 44100), {9343, 48000}, {1, 1000000}}) {
    const auto filter = make_filter<float>({source_hz, target_hz, {}});
    const ResampleClock& clock = filter->clock();
    const int64_t years = int64_t{1} << 42;
    for (int64_t n = years; n < years + 5; ++n) {
      EXPECT_EQ(clock.total(n), (clock.phases() * n + clock.orig() - 1) / clock.orig());
      EXPECT_EQ(clock.certain(n + clock.orig()), clock.certain(n) + clock.phases());
      EXPECT_EQ(clock.total(n + clock.orig()), clock.total(n) + clock.phases());
      EXPECT_LT(clock.last(clock.certain(n) - 1), n);
      EXPECT_GE(clock.last(clock.certain(n)), n);
    }
  }
}

TYPED_TEST(ResamplerTest, EqualsTheFormulaForRandomChunkings) {
  const double tolerance = sizeof(TypeParam) == sizeof(float) ? 1e-6 : 1e-12;
  for (unsigned seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    const auto x = random.signal<TypeParam>(random.integer(0, s.target_hz < 41 ? 300 : 150));
    const int64_t chunk = random.one_of<int64_t>({1, 2, 3, 7, 31, 97, 1000});
    Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 1);
    const auto expected = dense_resample(s, x);
    for (int round = 0; round < 2; ++round) {  // fresh after final
      const auto y = stream(resampler, x, 1, [&] { return random.integer(0, chunk); });
      ASSERT_LE(largest_difference(y, expected), tolerance * largest_magnitude(expected));
    }
  }
}

TYPED_TEST(ResamplerTest, EveryChunkingAndChannelHasTheSameBits) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    const int64_t channels = random.integer(1, 5), frames = random.integer(0, 2500);
    const auto x = random.signal<TypeParam>(frames * channels);
    Resampler<TypeParam> resampler(make_filter<TypeParam>(s), channels);
    const int64_t chunk = random.one_of<int64_t>({1, 3, 17, 441, 2000});
    const auto y = stream(resampler, x, channels, [&] { return random.integer(0, chunk); });
    ASSERT_TRUE(same_bits(y, stream(resampler, x, channels, [&] { return frames; })));

    for (int64_t c = 0; c < channels; ++c) {
      std::vector<TypeParam> x_c(frames), y_c(y.size() / channels);
      for (int64_t i = 0; i < frames; ++i) x_c[i] = x[i * channels + c];
      for (size_t i = 0; i < y_c.size(); ++i) y_c[i] = y[i * channels + c];
      ASSERT_TRUE(same_bits(y_c, stream_at_once(s, x_c)));
    }
  }
}

TYPED_TEST(ResamplerTest, FramesLeaveAsSoonAsTheyAreCertain) {
  const auto nan = std::numeric_limits<TypeParam>::quiet_NaN();
  for (unsigned seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    const int64_t known = random.integer(0, 200);
    const auto taps = make_filter<TypeParam>(s)->clock().longest_taps();
    auto x = random.signal<TypeParam>(known + taps + s.orig());
    std::fill(x.begin() + known, x.end(), nan);
    const auto y = stream_at_once(s, x);
    const auto untouched =
        std::find_if(y.begin(), y.end(), [](auto v) { return std::isnan(v); }) - y.begin();
    const int64_t existing = (known * s.phases() + s.orig() - 1) / s.orig();
    Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 1);
    ASSERT_EQ(resampler.frames_due(known, false), std::min<int64_t>(untouched, existing));
  }
}

TYPED_TEST(ResamplerTest, NanStaysInItsReceptiveField) {
  using Limits = std::numeric_limits<TypeParam>;
  for (unsigned seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    auto x = random.signal<TypeParam>(random.integer(1, 400));
    const auto clean = stream_at_once(s, x);
    const int64_t bad = random.integer(0, x.size() - 1);
    x[bad] = random.one_of<TypeParam>({Limits::quiet_NaN(), Limits::infinity()});
    Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 1);
    const auto y = stream(resampler, x, 1, [&] { return random.integer(0, 50); });
    const Timing timing = make_filter<TypeParam>(s)->timing();
    for (int64_t j = 0; j < static_cast<int64_t>(y.size()); ++j) {
      const Span span = timing.depends({j, j});
      if (span.first <= bad && bad <= span.last)
        ASSERT_FALSE(std::isfinite(y[j])) << j;
      else
        ASSERT_EQ(std::memcmp(&y[j], &clean[j], sizeof(y[j])), 0) << j;
    }
  }
}

TEST(Resampler, LengthIsTheCeilingOfTheRatio) {
  for (auto [source_hz, target_hz] :
       {std::pair(44100, 48000), {48000, 44100}, {48000, 8000}, {8000, 48000}, {16001, 16000}}) {
    for (int64_t frames : {0, 1, 2, 3, 5, 6, 7, 160, 1000})
      for (int64_t chunk : {0, 1, 3, 1000}) {
        Resampler<float> resampler(make_filter<float>({source_hz, target_hz, {}}), 1);
        bool odd = false;
        auto next_chunk = [&] { return (odd = !odd) ? chunk + (chunk == 0) : chunk; };
        const auto y = stream(resampler, std::vector<float>(frames, 1.f), 1, next_chunk);
        const auto ratio = static_cast<double>(target_hz) / source_hz;
        EXPECT_EQ(y.size(), static_cast<size_t>(std::ceil(ratio * frames)));
      }
  }
}

TEST(Resampler, EqualRatesPassThrough) {
  std::vector<float> x = {-0.f, 1.5f, std::numeric_limits<float>::quiet_NaN(), 1e-40f};
  EXPECT_TRUE(same_bits(stream_at_once(Conversion{44100, 44100, {}}, x), x));
}

TEST(Resampler, ResetForgets) {
  Random random(1);
  const auto x = random.signal<float>(500);
  const Conversion s{44100, 48000, {}};
  Resampler<float> resampler(make_filter<float>(s), 1);
  std::vector<float> unused(resampler.frames_due(300, false));
  resampler.push(x.data(), 300, false, unused.data());
  resampler.reset();
  EXPECT_TRUE(same_bits(stream(resampler, x, 1, [] { return 100; }), stream_at_once(s, x)));
}

std::string error_of(int64_t source_hz, int64_t target_hz, const ResampleOptions& options) {
  try {
    ResampleFilter<float>(source_hz, target_hz, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Resampler, ErrorsSayWhatIsAllowed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Case {
    int64_t source_hz, target_hz;
    ResampleOptions options;
    std::string wrong, allowed;
  };
  const Case cases[] = {
      {0, 1, {}, "from 0 Hz", "positive"},
      {8000, -5, {}, "to -5 Hz", "positive"},
      {2147483647, 48000, {}, "2147483647", "at most 1048576"},
      {1, 2, {"sinc_interpolation"}, "'sinc_interpolation'", "'sinc_interp_hann' nor"},
      {1, 2, {kHann, 0}, "width 0", "[1, 65536]"},
      {1, 2, {kHann, -3}, "width -3", "[1, 65536]"},
      {1, 2, {kHann, 6, 0}, "rolloff 0", "(0, 1]"},
      {1, 2, {kHann, 6, 1.25}, "rolloff 1.25", "(0, 1]"},
      {1, 2, {kHann, 6, nan}, "rolloff nan", "(0, 1]"},
      {1, 2, {kKaiser, 6, 0.99, nan}, "beta nan", "[-88, 88]"},
      {1, 2, {kKaiser, 6, 0.99, HUGE_VAL}, "beta inf", "[-88, 88]"},
      {1000000, 1, {}, "width 6", "smaller width"},
  };
  for (const Case& c : cases) {
    const std::string error = error_of(c.source_hz, c.target_hz, c.options);
    EXPECT_NE(error.find(c.wrong), std::string::npos) << error;
    EXPECT_NE(error.find(c.allowed), std::string::npos) << error;
  }
}

int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TYPED_TEST(ResamplerTest, CoprimeRatesTakeLittleMemory) {
  for (auto [source_hz, target_hz] : {std::pair(16001, 16000), {12345, 54321}, {9343, 48000}})
    for (int width : {6, 64}) {
      const int64_t before_bytes = allocated_bytes();
      const Conversion s{source_hz, target_hz, {kKaiser, width}};
      Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 2);
      const std::vector<TypeParam> x(2 * 3000, TypeParam(0.5));
      const auto y = stream(resampler, x, 2, [] { return 999; });
      EXPECT_LT(allocated_bytes() - before_bytes, 20 << 20) << text(s);
      EXPECT_NEAR(y[y.size() / 2], 0.5, 1e-2) << text(s);
    }
}

template <class T>
void expect_torchaudio(const Conversion& s, const std::vector<T>& x, const std::vector<T>& expected,
                       std::map<std::string, double>& worst) {
  SCOPED_TRACE(text(s) + ", " + std::to_string(x.size()) + " frames");
  const bool is_float = sizeof(T) == sizeof(float);
  const double difference = largest_difference(stream_at_once(s, x), expected);
  EXPECT_LE(difference, (is_float ? 1e-6 : 1e-12) * largest_magnitude(expected));
  const std::string group = std::string(is_float ? "float32" : "float64") + "_width_" +
                            std::to_string(s.options.lowpass_filter_width) +
                            (s.phases() > 2000 ? "_coprime" : "");
  worst[group] = std::max(worst[group], difference);
}

TEST(Resampler, EqualsTorchaudio) {
  std::map<std::string, double> worst;
  const int cases = for_each_torchaudio_case([&](const TorchaudioCase& c) {
    const Conversion s{c.source_hz, c.target_hz, c.options};
    if (c.is_double)
      expect_torchaudio(s, c.x_f64, c.y_f64, worst);
    else
      expect_torchaudio(s, c.x_f32, c.y_f32, worst);
  });
  ASSERT_GT(cases, 500);
  for (const auto& [group, difference] : worst)
    std::printf("max difference %-26s %.2g\n", group.c_str(), difference);
}

/// A format, and the bytes of the values 0.5 and -1 in it.
struct FormatCase {
  const char* name;
  SampleFormat format;
  std::vector<uint8_t> half, minus_one;
};

std::vector<FormatCase> all_formats() {
  std::vector<FormatCase> formats;
  // Each with its bytes in little-endian order, and the same reversed.
  const auto add = [&](const char* name, int width, int depth, bool is_float, bool is_signed,
                       std::vector<uint8_t> half, std::vector<uint8_t> minus_one) {
    formats.push_back({name, {width, depth, is_float, is_signed, false}, half, minus_one});
    if (width == 8) return;
    std::reverse(half.begin(), half.end());
    std::reverse(minus_one.begin(), minus_one.end());
    formats.push_back({name, {width, depth, is_float, is_signed, true}, half, minus_one});
  };
  add("S8", 8, 8, false, true, {0x40}, {0x80});
  add("U8", 8, 8, false, false, {0xc0}, {0x00});
  add("S16", 16, 16, false, true, {0x00, 0x40}, {0x00, 0x80});
  add("U16", 16, 16, false, false, {0x00, 0xc0}, {0x00, 0x00});
  add("S18", 24, 18, false, true, {0x00, 0x00, 0x01}, {0x00, 0x00, 0xfe});
  add("U18", 24, 18, false, false, {0x00, 0x00, 0x03}, {0x00, 0x00, 0x00});
  add("S20", 24, 20, false, true, {0x00, 0x00, 0x04}, {0x00, 0x00, 0xf8});
  add("U20", 24, 20, false, false, {0x00, 0x00, 0x0c}, {0x00, 0x00, 0x00});
  add("S24", 24, 24, false, true, {0x00, 0x00, 0x40}, {0x00, 0x00, 0x80});
  add("U24", 24, 24, false, false, {0x00, 0x00, 0xc0}, {0x00, 0x00, 0x00});
  add("S24_32", 32, 24, false, true, {0x00, 0x00, 0x40, 0x00}, {0x00, 0x00, 0x80, 0xff});
  add("U24_32", 32, 24, false, false, {0x00, 0x00, 0xc0, 0x00}, {0x00, 0x00, 0x00, 0x00});
  add("S32", 32, 32, false, true, {0x00, 0x00, 0x00, 0x40}, {0x00, 0x00, 0x00, 0x80});
  add("U32", 32, 32, false, false, {0x00, 0x00, 0x00, 0xc0}, {0x00, 0x00, 0x00, 0x00});
  add("F32", 32, 32, true, true, {0x00, 0x00, 0x00, 0x3f}, {0x00, 0x00, 0x80, 0xbf});
  add("F64", 64, 64, true, true, {0, 0, 0, 0, 0, 0, 0xe0, 0x3f}, {0, 0, 0, 0, 0, 0, 0xf0, 0xbf});
  return formats;
}

std::string text(const FormatCase& c) {
  return std::string(c.name) + (c.format.is_big_endian ? "BE" : "LE");
}

template <class T>
std::vector<T> decode(const SampleFormat& format, const std::vector<uint8_t>& bytes) {
  std::vector<T> samples(bytes.size() / format.bytes());
  read_samples(format, bytes.data(), samples.size(), samples.data());
  return samples;
}

template <class T>
std::vector<uint8_t> encode(const SampleFormat& format, const std::vector<T>& samples) {
  std::vector<uint8_t> bytes(samples.size() * format.bytes());
  write_samples(format, samples.data(), samples.size(), bytes.data());
  return bytes;
}

/// All values of an integer format, or its edges and a part of the rest.
std::vector<double> values_of(const SampleFormat& format) {
  const double full_scale = std::ldexp(1, format.depth_bits - 1);
  std::vector<double> values = {full_scale - 1, full_scale - 2};
  const double step = std::max(1., std::floor(full_scale / 100003));
  for (double value = -full_scale; value < full_scale; value += step) values.push_back(value);
  for (double& value : values) value /= full_scale;
  return values;
}

template <class T>
void expect_round_trip(const SampleFormat& format) {
  const std::vector<double> values = values_of(format);
  const std::vector<T> x(values.begin(), values.end());
  EXPECT_EQ(decode<T>(format, encode(format, x)), x);
}

TEST(SampleFormat, AllThirtyAreKnown) {
  EXPECT_EQ(all_formats().size(), 30u);
  for (const FormatCase& c : all_formats()) {
    SCOPED_TRACE(text(c));
    EXPECT_NO_THROW(check_format(c.format));
    EXPECT_EQ(encode<float>(c.format, {0.5f}), c.half);
    EXPECT_EQ(encode<double>(c.format, {-1.0}), c.minus_one);
    EXPECT_EQ(decode<double>(c.format, c.half).front(), 0.5);
    EXPECT_EQ(decode<float>(c.format, c.minus_one).front(), -1.0f);
  }
}

TEST(SampleFormat, ValuesRoundTrip) {
  for (const FormatCase& c : all_formats()) {
    SCOPED_TRACE(text(c));
    if (c.format.depth_bits != 32 || !c.format.is_float) expect_round_trip<double>(c.format);
    if (!needs_double(c.format)) expect_round_trip<float>(c.format);
  }
}

TEST(SampleFormat, IntegersSaturateAndRoundToEven) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const FormatCase& c : all_formats()) {
    if (c.format.is_float) continue;
    SCOPED_TRACE(text(c));
    const double one = std::ldexp(1, 1 - c.format.depth_bits), most = 1 - one;
    const std::vector<double> x = {1,         2,         inf,       -2,         -inf,      nan,
                                   0.5 * one, 1.5 * one, 2.5 * one, -0.5 * one, -1.5 * one};
    const std::vector<double> expected = {most, most,    most,    -1, -1,      0,
                                          0,    2 * one, 2 * one, 0,  -2 * one};
    EXPECT_EQ(decode<double>(c.format, encode(c.format, x)), expected);
  }
}

TEST(SampleFormat, BitsAboveTheDepthAreIgnored) {
  EXPECT_EQ(decode<float>({32, 24, false, true, false}, {0, 0, 0x40, 0xab}).front(), 0.5f);
  EXPECT_EQ(decode<float>({24, 18, false, true, false}, {0, 0, 0xfd}).front(), 0.5f);
  EXPECT_EQ(decode<float>({24, 20, false, false, true}, {0xfc, 0, 0}).front(), 0.5f);
}

TEST(SampleFormat, OthersAreErrors) {
  for (const SampleFormat& format :
       {SampleFormat{16, 12, false}, {64, 64, false}, {16, 16, true}, {0, 0, false}})
    EXPECT_THROW(check_format(format), Error);
}

/// Pushes interleaved bytes through an engine, in chunks and at addresses of any alignment.
std::vector<uint8_t> run_engine(Engine& engine, const std::vector<uint8_t>& in,
                                int64_t sample_bytes, int64_t channels, bool interleaved,
                                Random& random) {
  const int64_t planes = interleaved ? 1 : channels;
  const int64_t unit_bytes = sample_bytes * channels / planes;  // of one frame in one plane
  const int64_t frames = in.size() / (sample_bytes * channels);
  std::vector<uint8_t> out;
  for (int64_t done = 0; done <= frames;) {
    const int64_t chunk = random.integer(0, frames - done);
    const bool final = done + chunk == frames;
    const int64_t due = engine.frames_due(chunk, final);
    std::vector<std::vector<uint8_t>> in_planes(planes), out_planes(planes);
    std::vector<const void*> in_pointers;
    std::vector<void*> out_pointers;
    const int64_t offset = random.integer(0, 1);
    for (int64_t p = 0; p < planes; ++p) {
      in_planes[p].resize(offset + chunk * unit_bytes);
      for (int64_t f = 0; f < chunk; ++f)
        std::copy_n(&in[((done + f) * planes + p) * unit_bytes], unit_bytes,
                    &in_planes[p][offset + f * unit_bytes]);
      out_planes[p].resize(offset + due * unit_bytes);
      in_pointers.push_back(in_planes[p].data() + offset);
      out_pointers.push_back(out_planes[p].data() + offset);
    }
    engine.push(in_pointers.data(), chunk, final, out_pointers.data());
    for (int64_t f = 0; f < due; ++f)
      for (int64_t p = 0; p < planes; ++p)
        out.insert(out.end(), out_planes[p].begin() + offset + f * unit_bytes,
                   out_planes[p].begin() + offset + (f + 1) * unit_bytes);
    done += chunk;
    if (final) break;
  }
  return out;
}

template <class T>
std::vector<uint8_t> expected_bytes(const Conversion& s, const SampleFormat& format,
                                    int64_t channels, const std::vector<uint8_t>& in) {
  Resampler<T> resampler(make_filter<T>(s), channels);
  return encode(format, stream(resampler, decode<T>(format, in), channels, [] { return 1000; }));
}

TEST(ResampleEngine, EveryFormatAndLayoutEqualsTheResampler) {
  unsigned seed = 0;
  for (const FormatCase& c : all_formats())
    for (bool interleaved : {true, false})
      for (int channels : {1, 2, 6}) {
        Random random(seed++);
        SCOPED_TRACE(text(c) + (interleaved ? " interleaved" : " planar"));
        const Conversion s{random.one_of<int64_t>({44100, 16000, 48000}), 32000, {}};
        const auto x = encode(c.format, random.signal<double>(random.integer(0, 700) * channels));
        auto engine = make_resample_engine(s.source_hz, s.target_hz, s.options, c.format, channels,
                                           interleaved);
        const auto expected = needs_double(c.format)
                                  ? expected_bytes<double>(s, c.format, channels, x)
                                  : expected_bytes<float>(s, c.format, channels, x);
        for (int round = 0; round < 2; ++round)
          EXPECT_EQ(run_engine(*engine, x, c.format.bytes(), channels, interleaved, random),
                    expected);
      }
}

TEST(ResampleEngine, EveryProcessorHasTheSameBits) {
  unsigned seed = 0;
  for (const FormatCase& c : all_formats())
    for (int channels : {1, 2, 3, 6})
      for (int width : {6, 33}) {
        SCOPED_TRACE(text(c) + ", " + std::to_string(channels) + " channels");
        Random random(++seed);
        const auto target_hz = random.one_of<int64_t>({44100, 32000, 8000});
        auto x = random.signal<double>(1500 * channels);
        if (c.format.is_float) x[1000] = std::numeric_limits<double>::infinity();
        const auto bytes = encode(c.format, x);
        std::vector<uint8_t> expected;
        for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
          pretend_processor(left & -left);
          auto engine = make_resample_engine(48000, target_hz, {kHann, width}, c.format, channels,
                                             /*interleaved=*/true);
          const auto y = run_engine(*engine, bytes, c.format.bytes(), channels, true, random);
          if (expected.empty()) expected = y;
          EXPECT_EQ(y, expected) << hwy::TargetName(left & -left);
          pretend_processor(0);
        }
      }
}

TEST(ResampleEngine, EqualRatesCopyBytes) {
  Random random(3);
  for (const FormatCase& c : all_formats()) {
    std::vector<uint8_t> x(c.format.bytes() * 2 * 100);
    for (uint8_t& byte : x) byte = static_cast<uint8_t>(random.integer(0, 255));
    for (bool interleaved : {true, false}) {
      auto engine = make_resample_engine(8000, 8000, {}, c.format, 2, interleaved);
      EXPECT_EQ(run_engine(*engine, x, c.format.bytes(), 2, interleaved, random), x) << text(c);
    }
  }
}

TEST(ResampleEngine, BadArgumentsAreErrors) {
  EXPECT_THROW(make_resample_engine(8000, 0, {}, {}, 1, true), Error);
  EXPECT_THROW(make_resample_engine(8000, 16000, {}, {}, 0, true), Error);
  EXPECT_THROW(make_resample_engine(8000, 16000, {}, {12, 12, false}, 1, true), Error);
}

}  // namespace
}  // namespace torchstreamer::audio
