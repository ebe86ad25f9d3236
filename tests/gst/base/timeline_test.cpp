// Timestamps are computed from frame counts, without drift.
#include "base/timeline.h"

#include <gst/audio/audio.h>
#include <gtest/gtest.h>

#include <random>

namespace torchstreamer {
namespace {

struct Stamp {
  GstClockTime pts, duration;
  guint64 offset, offset_end;
};

Stamp stamp(Timeline* timeline, int64_t frames) {
  GstBuffer* buffer = gst_buffer_new();
  timeline->stamp(buffer, frames);
  const Stamp stamp = {GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer),
                       GST_BUFFER_OFFSET(buffer), GST_BUFFER_OFFSET_END(buffer)};
  gst_buffer_unref(buffer);
  return stamp;
}

/// Time of frame `frame` of a signal that starts at 12,345 ns, rounded to nanoseconds.
GstClockTime exact_pts(int64_t frame, Rational hz) {
  return 12345 + gst_util_uint64_scale_round(frame, GST_SECOND * hz.den, hz.num);
}

// The duration of a buffer is not a whole number of nanoseconds at these rates, so a sum of rounded
// durations would drift.
TEST(Timeline, DoesNotDriftInADay) {
  constexpr int64_t kFrames = 1024;
  const std::pair<int, Rational> rates[] = {
      {44100, 48000}, {44100, 16000}, {11025, 8000}, {48000, 44100}, {44100, Rational(44100, 160)}};
  for (const auto& [in_hz, out_hz] : rates) {
    SCOPED_TRACE(testing::Message() << in_hz << " to " << out_hz.num << "/" << out_hz.den);
    Timeline timeline(in_hz, out_hz);
    timeline.add_input(12345, 0);
    const int64_t day_frames = int64_t{24} * 60 * 60 * in_hz;
    for (int64_t frame = 0, frame_out = 0; frame < day_frames; frame += kFrames) {
      ASSERT_TRUE(timeline.continues(exact_pts(frame, in_hz), {0})) << frame;
      timeline.add_input(exact_pts(frame, in_hz), kFrames);
      const int64_t end_out = timeline.due_frames_out();
      const Stamp now = stamp(&timeline, end_out - frame_out);
      ASSERT_EQ(now.pts, exact_pts(frame_out, out_hz)) << frame;
      ASSERT_EQ(now.pts + now.duration, exact_pts(end_out, out_hz)) << frame;
      frame_out = end_out;
    }
  }
}

TEST(Timeline, HasNoTimeBeforeTheFirstPts) {
  Timeline timeline(1000, 2000);
  EXPECT_EQ(timeline.next_pts(), GST_CLOCK_TIME_NONE);
  timeline.add_input(GST_CLOCK_TIME_NONE, 10);
  EXPECT_TRUE(timeline.continues(GST_CLOCK_TIME_NONE, {0}));
  EXPECT_FALSE(timeline.continues(0, {GST_SECOND}));
  const Stamp first = stamp(&timeline, 20);
  EXPECT_EQ(first.pts, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(first.duration, 10 * GST_MSECOND);
  EXPECT_EQ(first.offset_end, 20u);
}

TEST(Timeline, RestartContinuesTimeAndOffsets) {
  Timeline timeline(1000, 2000);
  timeline.add_input(GST_SECOND, 10);
  stamp(&timeline, 20);
  timeline.restart();
  EXPECT_EQ(timeline.next_pts(), GST_SECOND + 10 * GST_MSECOND);
  timeline.add_input(GST_CLOCK_TIME_NONE, 1);
  EXPECT_EQ(stamp(&timeline, 2).offset, 2020u);
  timeline.restart(5 * GST_SECOND);
  EXPECT_EQ(timeline.next_pts(), 5 * GST_SECOND);
}

TEST(Timeline, TheToleranceIsIncluded) {
  Timeline timeline(1000, 1000);
  timeline.add_input(GST_SECOND, 10);
  const GstClockTime due_ns = GST_SECOND + 10 * GST_MSECOND;
  EXPECT_TRUE(timeline.continues(due_ns + 5, {5}));
  EXPECT_TRUE(timeline.continues(due_ns - 5, {5}));
  EXPECT_FALSE(timeline.continues(due_ns + 6, {5}));
  EXPECT_FALSE(timeline.continues(due_ns - 6, {5}));
}

// The times are whole frames, because GstAudioStreamAlign rounds to frames.
TEST(Timeline, WaitsForJumpsAsGstAudioStreamAlign) {
  guint major = 0, minor = 0, micro = 0, nano = 0;
  gst_version(&major, &minor, &micro, &nano);
  if (minor > 22) GTEST_SKIP() << "later versions measure a jump from the expected time";
  constexpr int kHz = 1000, kFrames = 20;
  const JumpLimits limits = {39 * GST_MSECOND, 300 * GST_MSECOND};
  int jumps = 0;
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    GstAudioStreamAlign* align =
        gst_audio_stream_align_new(kHz, limits.tolerance_ns + GST_MSECOND, limits.wait_ns);
    Timeline timeline(kHz, kHz);
    GstClockTime offset_ns = GST_SECOND;
    for (int i = 0; i < 500; ++i) {
      if (random() % 40 == 0) offset_ns = (900 + random() % 200) * GST_MSECOND;
      const GstClockTime jitter_ns = random() % 60 * GST_MSECOND;
      const GstClockTime pts = offset_ns + i * kFrames * GST_MSECOND + jitter_ns;
      const bool is_jump =
          gst_audio_stream_align_process(align, FALSE, pts, kFrames, nullptr, nullptr, nullptr);
      if (i > 0) {
        ASSERT_EQ(timeline.continues(pts, limits), !is_jump) << "buffer " << i;
      }
      if (is_jump) timeline.restart(pts);
      timeline.track_jump(pts, limits);
      timeline.add_input(pts, kFrames);
      jumps += is_jump;
    }
    gst_audio_stream_align_free(align);
  }
  EXPECT_GT(jumps, 100);
}

TEST(Timeline, CountsFramesUntilATimeAndDueOutputFrames) {
  Timeline timeline(44100, 48000);
  timeline.add_input(GST_SECOND, 441);
  EXPECT_EQ(timeline.frames_until(GST_SECOND + 10 * GST_MSECOND), 0);
  EXPECT_EQ(timeline.frames_until(GST_SECOND + 30 * GST_MSECOND), 882);
  EXPECT_EQ(timeline.frames_until(GST_SECOND), -441);
  EXPECT_EQ(timeline.frames_until(0), -441);
  EXPECT_EQ(timeline.due_frames_out(), 480);
  timeline.add_input(GST_CLOCK_TIME_NONE, 1);
  EXPECT_EQ(timeline.due_frames_out(), 482);  // 481.09
}

}  // namespace
}  // namespace torchstreamer
