// Compares the resampler with its formula, with torchaudio, and for different chunkings.
#include <gtest/gtest.h>
#include <malloc.h>
#include <map>

#include "expect_says.h"
#include "lib/audio/resample_cases.h"
#include "lib/support/error_of.h"

namespace torchstreamer::audio {
namespace {

template <class T>
class ResamplerTest : public ::testing::Test {};
using SampleTypes = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ResamplerTest, SampleTypes);

TYPED_TEST(ResamplerTest, TimingEqualsBruteForce) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion(random);
    SCOPED_TRACE(text(s));
    const Timing timing = make_filter<TypeParam>(s)->clock().timing();
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
    for (int round = 0; round < 2; ++round) {  // the final push resets the resampler
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

TYPED_TEST(ResamplerTest, FramesAreDueAsSoonAsTheirInputIsComplete) {
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
    const Timing timing = make_filter<TypeParam>(s)->clock().timing();
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

TEST(Resampler, ResetStartsANewSignal) {
  Random random(1);
  const auto x = random.signal<float>(500);
  const Conversion s{44100, 48000, {}};
  Resampler<float> resampler(make_filter<float>(s), 1);
  std::vector<float> unused(resampler.frames_due(300, false));
  resampler.push(x.data(), 300, false, unused.data());
  resampler.reset();
  EXPECT_TRUE(same_bits(stream(resampler, x, 1, [] { return 100; }), stream_at_once(s, x)));
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
    const std::string error =
        testing::error_of([&] { ResampleFilter<float>(c.source_hz, c.target_hz, c.options); });
    EXPECT_SAYS(c.wrong, error);
    EXPECT_SAYS(c.allowed, error);
  }
}

int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TYPED_TEST(ResamplerTest, CoprimeRatesUseLittleMemory) {
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

}  // namespace
}  // namespace torchstreamer::audio
