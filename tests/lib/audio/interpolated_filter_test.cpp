// The resampler for rates without a table of coefficients: exactness, bits, memory.
#include <gtest/gtest.h>
#include <malloc.h>

#include "lib/audio/resample_cases.h"

namespace torchstreamer::audio {
namespace {

template <class T>
class InterpolatedFilterTest : public testing::Test {};
using SampleTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(InterpolatedFilterTest, SampleTypes);

/// A random pair of rates whose table would be too large.
template <class T>
Conversion random_conversion_without_table(Random& random) {
  for (;;) {
    Conversion s{random.integer(8000, 200000), random.integer(8000, 200000), {}};
    s.options.resampling_method = random.one_of<std::string>({kHann, kKaiser});
    s.options.lowpass_filter_width = random.one_of<int>({1, 6, 64, 64, 300, 1000});
    s.options.rolloff = random.one_of<double>({0.8, 0.9475, 0.99, 1.0});
    s.options.beta = random.one_of<double>({0, 2.5, 14.769656459379492, 30});
    if (random.integer(0, 1)) s.target_hz = s.source_hz + random.one_of<int64_t>({-1, 1});
    if (!make_filter<T>(s)->has_table()) return s;
  }
}

/// Output frame `output` of torchaudio's formula: coefficients as torchaudio computes them in C,
/// sum in float64.
template <class C, class T>
double formula(const Conversion& s, const ResampleClock& clock, const std::vector<T>& x,
               int64_t output) {
  const int64_t start = output / clock.phases() * clock.orig();
  const int64_t end = std::min<int64_t>(clock.last(output) + 1, x.size());
  double sum = 0;
  for (int64_t k = std::max<int64_t>(0, clock.first(output)); k < end; ++k)
    sum += double(x[k]) * double(coefficient<C>(s, output % clock.phases(), k - start));
  return sum;
}

/// Compares 100 outputs of a random signal, which is longer than a period of the rates.
template <class T>
void expect_formula(const Conversion& s, Random& random) {
  const double tolerance = sizeof(T) == sizeof(float) ? 1e-6 : 1e-12;
  SCOPED_TRACE(text(s));
  const auto filter = make_filter<T>(s);
  const auto x = random.signal<T>(s.orig() + random.integer(1, 3000));
  Resampler<T> resampler(filter, 1);
  const auto y = stream(resampler, x, 1, [&] { return random.integer(0, 3000); });
  const double peak = largest_magnitude(y);
  const int64_t outputs = y.size();
  for (int i = 0; i < 100; ++i) {
    const int64_t output = random.one_of<int64_t>(
        {random.integer(0, 100), random.integer(0, outputs - 1), outputs - random.integer(1, 9)});
    const double expected = formula<T>(s, filter->clock(), x, output);
    ASSERT_NEAR(y[output], expected, tolerance * peak) << "output frame " << output;
  }
}

TYPED_TEST(InterpolatedFilterTest, EqualsTheFormula) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Random random(seed);
    expect_formula<TypeParam>(random_conversion_without_table<TypeParam>(random), random);
  }
}

// A period has few inputs, so that several periods of a push are computed together.
TYPED_TEST(InterpolatedFilterTest, EqualsTheFormulaForShortPeriods) {
  for (auto [source_hz, target_hz] : {std::pair(1000, 20011), {997, 24000}}) {
    const Conversion s{source_hz, target_hz, {kHann, 64}};
    Random random(source_hz);
    for (int i = 0; i < 5; ++i) expect_formula<TypeParam>(s, random);
  }
}

TEST(InterpolatedFilter, HasPolynomialsOfBlocks) {
  EXPECT_TRUE(make_filter<float>({44101, 48000, {kHann, 64}})->polynomials());
  EXPECT_FALSE(make_filter<float>({44101, 48000, {kHann, 1000}})->polynomials());
}

/// `count` outputs from `output` on.
template <class T>
std::vector<T> outputs_at(const std::shared_ptr<const ResampleFilter<T>>& filter,
                          const std::vector<T>& x, int64_t output, int64_t count) {
  if (filter->has_blocks()) {
    Resampler<T> resampler(filter, 1);
    const auto y = stream(resampler, x, 1, [&] { return int64_t(x.size()); });
    return {y.begin() + output, y.begin() + output + count};
  }
  const ResampleClock& clock = filter->clock();
  Interpolator<T> interpolator(filter->interpolated().cells(), 1, clock.longest_taps() + 100);
  std::vector<T> y(count);
  interpolator.compute(filter->interpolated(), &x[clock.first(output)], output, output + count,
                       y.data());
  return y;
}

// The pairs and widths that cost most. The outputs are at the start, in the
// middle and at the end of a period: there, the rounding errors of times are largest.
TYPED_TEST(InterpolatedFilterTest, EqualsTheFormulaForTheWorstRates) {
  const double tolerance = sizeof(TypeParam) == sizeof(float) ? 1e-6 : 4e-12;  // up to 8275 taps
  for (auto [source_hz, target_hz] : {std::pair(44101, 48000), {191999, 192000}, {383999, 384000}})
    for (const char* method : {kHann, kKaiser})
      for (int width : {6, 64, 1024, 4096}) {
        const Conversion s{source_hz, target_hz, {method, width}};
        SCOPED_TRACE(text(s));
        const auto filter = make_filter<TypeParam>(s);
        const ResampleClock& clock = filter->clock();
        Random random(width);
        const auto x = random.signal<TypeParam>(3 * clock.orig());
        for (const int64_t begin : {2 * width, int(clock.phases() / 2), int(clock.phases() - 25)}) {
          const int64_t output = clock.phases() + begin;
          const auto y = outputs_at<TypeParam>(filter, x, output, 50);
          const double peak = largest_magnitude(y);
          for (int i = 0; i < 50; ++i)
            ASSERT_NEAR(y[i], formula<TypeParam>(s, clock, x, output + i), tolerance * peak)
                << "output frame " << output + i;
        }
      }
}

/// Kaiser windows that are so narrow that torchaudio rounds them by more than 1e-6 of the peak.
struct NarrowWindow {
  int64_t source_hz, target_hz;
  int width;
  double beta;
};

// The error of a stream is at most 1e-6 of the peak, or twice that of torchaudio in float32.
TEST(InterpolatedFilter, IsAsExactAsTorchaudioWithNarrowWindows) {
  const NarrowWindow windows[] = {
      {191999, 192000, 64, 30}, {191999, 192000, 64, 50},  {191999, 192000, 64, 88},
      {383999, 384000, 6, 88},  {44101, 48000, 64, 88},    {384000, 383999, 1, 14.77},
      {384000, 383999, 1, 30},  {384000, 383999, 1, 88},   {384000, 383999, 2, 50},
      {384000, 383999, 2, 88},  {1000003, 1000000, 3, 88},
  };
  for (const NarrowWindow& window : windows) {
    Conversion s{window.source_hz, window.target_hz, {kKaiser, window.width}};
    s.options.beta = window.beta;
    SCOPED_TRACE(text(s) + ", beta " + std::to_string(window.beta));
    const auto filter = make_filter<float>(s);
    ASSERT_FALSE(filter->has_table());
    Random random(1);
    const auto x = random.signal<float>(s.orig() + 1000);
    Resampler<float> resampler(filter, 1);
    const auto y = stream(resampler, x, 1, [] { return 480; });
    double own_error = 0, error = 0;
    for (int64_t output = 0; output < static_cast<int64_t>(y.size()); output += 499) {
      const double exact = formula<double>(s, filter->clock(), x, output);
      const double own = formula<float>(s, filter->clock(), x, output);
      own_error = std::max(own_error, std::abs(own - exact));
      ASSERT_TRUE(std::isfinite(y[output])) << "output frame " << output;
      error = std::max(error, std::abs(y[output] - exact));
    }
    EXPECT_LE(error, std::max(1e-6 * largest_magnitude(y), 2 * own_error)) << own_error;
  }
}

TYPED_TEST(InterpolatedFilterTest, EveryChunkingAndChannelHasTheSameBits) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion_without_table<TypeParam>(random);
    SCOPED_TRACE(text(s));
    const auto filter = make_filter<TypeParam>(s);
    const int64_t channels = random.integer(1, 5), frames = random.integer(0, 4000);
    const auto x = random.signal<TypeParam>(frames * channels);
    Resampler<TypeParam> resampler(filter, channels);
    const int64_t chunk = random.one_of<int64_t>({1, 17, 441, 2000});
    const auto y = stream(resampler, x, channels, [&] { return random.integer(0, chunk); });
    ASSERT_TRUE(same_bits(y, stream(resampler, x, channels, [&] { return frames; })));
    for (int64_t c = 0; c < channels; ++c) {
      std::vector<TypeParam> x_c(frames), y_c(y.size() / channels);
      for (int64_t i = 0; i < frames; ++i) x_c[i] = x[i * channels + c];
      for (size_t i = 0; i < y_c.size(); ++i) y_c[i] = y[i * channels + c];
      Resampler<TypeParam> mono(filter, 1);
      ASSERT_TRUE(same_bits(y_c, stream(mono, x_c, 1, [&] { return frames; })));
    }
  }
}

TYPED_TEST(InterpolatedFilterTest, NanStaysInItsReceptiveField) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Random random(seed);
    const Conversion s = random_conversion_without_table<TypeParam>(random);
    SCOPED_TRACE(text(s));
    const auto filter = make_filter<TypeParam>(s);
    auto x = random.signal<TypeParam>(random.integer(1, 3000));
    Resampler<TypeParam> resampler(filter, 1);
    const auto clean = stream(resampler, x, 1, [] { return 1000; });
    const int64_t bad = random.integer(0, x.size() - 1);
    x[bad] = std::numeric_limits<TypeParam>::quiet_NaN();
    const auto y = stream(resampler, x, 1, [&] { return random.integer(0, 50); });
    for (int64_t j = 0; j < static_cast<int64_t>(y.size()); ++j)
      if (filter->clock().first(j) <= bad && bad <= filter->clock().last(j))
        ASSERT_TRUE(std::isnan(y[j])) << j;
      else
        ASSERT_EQ(std::memcmp(&y[j], &clean[j], sizeof(y[j])), 0) << j;
  }
}

TYPED_TEST(InterpolatedFilterTest, BitsAreTheSameAfterYears) {
  const auto filter = make_filter<TypeParam>({191999, 192000, {kKaiser, 300}});
  const ResampleClock& clock = filter->clock();
  Random random(1);
  const int64_t outputs = 500, begin = clock.phases() - 250, years = int64_t{1} << 24;
  const auto in = random.signal<TypeParam>(outputs + clock.longest_taps() + 1);
  Interpolator<TypeParam> interpolator(filter->interpolated().cells(), 1, in.size());
  std::vector<TypeParam> early(outputs), late(outputs);
  interpolator.compute(filter->interpolated(), in.data(), begin, begin + outputs, early.data());
  const int64_t late_begin = begin + years * clock.phases();
  interpolator.compute(filter->interpolated(), in.data(), late_begin, late_begin + outputs,
                       late.data());
  EXPECT_TRUE(same_bits(early, late));
}

int64_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TYPED_TEST(InterpolatedFilterTest, TakesAtMost64Mib) {
  for (auto [source_hz, target_hz] :
       {std::pair(44101, 48000), {191999, 192000}, {192000, 8001}, {8001, 192000}, {999983, 48000}})
    for (const char* method : {kHann, kKaiser})
      for (int width : {6, 64, 1024, 4096}) {
        const int64_t before_bytes = allocated_bytes();
        const Conversion s{source_hz, target_hz, {method, width}};
        const Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 2);
        EXPECT_LT(allocated_bytes() - before_bytes, 64 << 20) << text(s);
      }
}

// Filters of 2^20 taps, the longest ones.
TYPED_TEST(InterpolatedFilterTest, TakesAtMost96MibForTheLongestFilters) {
  Conversion low_rolloff{191999, 192000, {kHann, 500}};
  low_rolloff.options.rolloff = 0.001;
  for (const Conversion& s : {Conversion{999983, 8001, {kHann, 4096}},
                              Conversion{384000, 3049, {kKaiser, 4096}}, low_rolloff}) {
    const int64_t before_bytes = allocated_bytes();
    const Resampler<TypeParam> resampler(make_filter<TypeParam>(s), 2);
    EXPECT_LT(allocated_bytes() - before_bytes, 96 << 20) << text(s);
  }
}

}  // namespace
}  // namespace torchstreamer::audio
