// Block adapter, latency of blocks and histogram, without elements.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "base/block_adapter.h"
#include "base/histogram.h"
#include "time/latency.h"

namespace torchstreamer {
namespace {

/// Largest delay of an output, in input frames, if single frames arrive and whole blocks are
/// pushed.
Rational measure_latency(const Timing& timing, int64_t block_frames, int64_t frames) {
  Rational latest = 0;
  int64_t out = 0;
  for (int64_t n = block_frames; n <= frames; n += block_frames) {
    const int64_t certain = timing.frames_out(n, false);
    for (; out < certain; ++out)
      latest = std::max(latest, Rational(n - 1) - Rational(out) / timing.rate());
  }
  return latest;
}

std::vector<Timing> timings() {
  const Timing pad = Timing::pad(2, [](int64_t) { return 2; });
  return {
      Timing::pointwise(),
      Timing::window(5, 1),
      pad.then(Timing::window(5, 1)),
      Timing::window(4, 2),
      Timing::window(3, 7),
      Timing::overlap_add(5, 3),
      Timing::overlap_add(4, 3).then(Timing::window(7, 2)),
      Timing::window(6, 4).then(Timing::overlap_add(9, 6)),
      pad.then(Timing::window(8, 5)).then(Timing::overlap_add(3, 3)).then(Timing::window(3, 2))};
}

TEST(Latency, OfBlocksEqualsTheMeasuredLatency) {
  const std::vector<Timing> all = timings();
  for (size_t i = 0; i < all.size(); ++i)
    for (int64_t block_frames : {1, 2, 3, 4, 5, 6, 7, 10, 12, 60, 97}) {
      SCOPED_TRACE(testing::Message() << "timing " << i << ", blocks of " << block_frames);
      const Rational expected = measure_latency(all[i], block_frames, 20000);
      const Rational latency = latency_frames(all[i], block_frames);
      EXPECT_EQ(latency.num, expected.num);
      EXPECT_EQ(latency.den, expected.den);
    }
}

GstAudioInfo make_info(int channels, bool is_interleaved) {
  GstAudioInfo info;
  gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, channels, nullptr);
  if (!is_interleaved) info.layout = GST_AUDIO_LAYOUT_NON_INTERLEAVED;
  return info;
}

/// Two channels; frame t has the samples t and 1000 + t.
GstBuffer* make_ramp(const GstAudioInfo& info, int64_t first, int64_t frames) {
  GstBuffer* buffer = make_silence(info, frames);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  auto* samples = reinterpret_cast<int16_t*>(map.data);
  const bool is_interleaved = info.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
  for (int64_t t = 0; t < frames; ++t)
    for (int c = 0; c < 2; ++c)
      samples[is_interleaved ? 2 * t + c : c * frames + t] = 1000 * c + first + t;
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

TEST(Blocks, PassFramesInOrderWhenTheirBlockIsFull) {
  std::mt19937 random(1);
  for (const bool is_interleaved : {true, false})
    for (const int64_t block_frames : {1, 2, 7, 480}) {
      SCOPED_TRACE(testing::Message() << is_interleaved << " " << block_frames);
      const GstAudioInfo info = make_info(2, is_interleaved);
      BlockAdapter blocks(info, block_frames);
      int64_t arrived = 0, passed = 0;
      for (int push = 0; push < 200; ++push) {
        const bool is_final = push % 50 == 49;
        const int64_t frames = std::uniform_int_distribution<int>(0, 600)(random) / (push % 3 + 1);
        GstBuffer* buffer = make_ramp(info, arrived, frames);
        {
          const Planes planes(buffer, info, GST_MAP_READ);
          const BlockAdapter::Frames now = blocks.push(planes, is_final);
          arrived += frames;
          for (int64_t t = 0; t < now.frames; ++t)
            for (int c = 0; c < 2; ++c) {
              const auto* plane = static_cast<const int16_t*>(now.planes[is_interleaved ? 0 : c]);
              ASSERT_EQ(plane[is_interleaved ? 2 * t + c : t], 1000 * c + passed + t);
            }
          passed += now.frames;
        }
        gst_buffer_unref(buffer);
        ASSERT_EQ(passed, is_final ? arrived : arrived / block_frames * block_frames);
        ASSERT_EQ(blocks.waiting_frames(), arrived - passed);
        if (is_final) arrived = passed = 0;
      }
    }
}

TEST(Blocks, AreEmptyAfterClear) {
  const GstAudioInfo info = make_info(2, true);
  BlockAdapter blocks(info, 10);
  GstBuffer* buffer = make_ramp(info, 0, 15);
  {
    const Planes planes(buffer, info, GST_MAP_READ);
    EXPECT_EQ(blocks.push(planes, false).frames, 10);
  }
  blocks.clear();
  EXPECT_EQ(blocks.waiting_frames(), 0);
  EXPECT_EQ(blocks.push(Planes(nullptr, info, GST_MAP_READ), true).frames, 0);
  gst_buffer_unref(buffer);
}

TEST(Histogram, QuantilesAreExactToOneSixteenth) {
  std::mt19937 random(1);
  for (const double octaves : {1.0, 5.0, 20.0, 38.0}) {
    DurationHistogram histogram;
    std::vector<uint64_t> all;
    std::uniform_real_distribution<double> exponent(0, octaves);
    for (int i = 0; i < 10001; ++i) {
      all.push_back(std::exp2(exponent(random)));
      histogram.add(all.back());
    }
    std::sort(all.begin(), all.end());
    for (const double quantile : {0.01, 0.5, 0.99}) {
      const auto exact = all[std::ceil(quantile * all.size()) - 1];
      EXPECT_GE(histogram.quantile_ns(quantile), exact);
      EXPECT_LE(histogram.quantile_ns(quantile), exact + exact / 16);
    }
    EXPECT_EQ(histogram.quantile_ns(1), all.back());
    EXPECT_EQ(histogram.max_ns(), all.back());
    EXPECT_EQ(histogram.count(), all.size());
  }
}

TEST(Histogram, HandlesNoDurationsAndExtremeDurations) {
  DurationHistogram histogram;
  EXPECT_EQ(histogram.quantile_ns(0.5), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
  histogram.add(UINT64_MAX);
  EXPECT_EQ(histogram.quantile_ns(0.5), UINT64_MAX);
  for (uint64_t ns = 0; ns < 32; ++ns) {  // each of these durations has its own bin
    DurationHistogram one;
    one.add(ns);
    one.add(1000);
    EXPECT_EQ(one.quantile_ns(0.5), ns);
  }
}

}  // namespace
}  // namespace torchstreamer
