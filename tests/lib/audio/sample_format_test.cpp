// Conversion between sample formats and samples.
#include <gtest/gtest.h>
#include <cmath>

#include "lib/audio/format_cases.h"
#include "torchstreamer/error.h"

namespace torchstreamer::audio {
namespace {

/// All values of an integer format, or for large formats its limits and some values between.
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

TEST(SampleFormat, AllThirtyAreSupported) {
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

}  // namespace
}  // namespace torchstreamer::audio
