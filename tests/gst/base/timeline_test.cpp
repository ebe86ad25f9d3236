// Timestamps are computed from frame counts, without drift.
#include "base/timeline.h"

#include <gst/audio/audio.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <vector>

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

constexpr int kMsHz = 1000;  // a frame is a millisecond
constexpr int64_t kToleranceMs = 39, kWaitMs = 300, kBufferMs = 20;
constexpr JumpLimits kLimits = {kToleranceMs * GST_MSECOND, kWaitMs* GST_MSECOND};

/// The rule for jumps, in milliseconds.
class PlainRule {
 public:
  explicit PlainRule(int64_t start_ms) : end_ms_(start_ms) {}

  /// Counts a buffer. Returns true if it ends the signal.
  bool ends_at(int64_t pts_ms) {
    const bool is_late = std::abs(pts_ms - end_ms_) > kToleranceMs;
    if (!is_late) jump_ms_ = kNone;
    if (is_late && jump_ms_ == kNone) jump_ms_ = end_ms_;
    const bool ends = is_late && std::abs(pts_ms - jump_ms_) >= kWaitMs;
    if (ends) jump_ms_ = kNone;
    end_ms_ = (ends ? pts_ms : end_ms_) + kBufferMs;
    return ends;
  }

 private:
  static constexpr int64_t kNone = -1;

  int64_t end_ms_;           // end of the signal
  int64_t jump_ms_ = kNone;  // end of the signal at the start of the jump
};

/// PTS of the buffers of a live source, in milliseconds: they jitter, and sometimes jump.
std::vector<int64_t> live_timestamps_ms(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int64_t> pts_ms;
  for (int64_t i = 0, offset_ms = 1000; i < 500; ++i) {
    if (random() % 40 == 0) offset_ms = 700 + random() % 600;
    pts_ms.push_back(offset_ms + i * kBufferMs + (i > 0 ? random() % 60 : 0));
  }
  return pts_ms;
}

TEST(Timeline, WaitsForJumps) {
  int jumps = 0;
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<int64_t> pts_ms = live_timestamps_ms(seed);
    Timeline timeline(kMsHz, kMsHz);
    PlainRule rule(pts_ms[0]);
    for (size_t i = 0; i < pts_ms.size(); ++i) {
      const GstClockTime pts = pts_ms[i] * GST_MSECOND;
      const bool ends = rule.ends_at(pts_ms[i]);
      ASSERT_EQ(timeline.continues(pts, kLimits), !ends) << "buffer " << i;
      if (ends) timeline.restart(pts);
      timeline.track_jump(pts, kLimits);
      timeline.add_input(pts, kBufferMs);
      jumps += ends;
    }
  }
  EXPECT_GT(jumps, 100);
}

TEST(Timeline, TheRuleForJumpsIsThatOfGstAudioStreamAlign) {
  guint major = 0, minor = 0, micro = 0, nano = 0;
  gst_version(&major, &minor, &micro, &nano);
  if (minor < 24) GTEST_SKIP() << "earlier versions measure a jump from its first timestamp";
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<int64_t> pts_ms = live_timestamps_ms(seed);
    // A distance equal to its threshold is a jump.
    GstAudioStreamAlign* align =
        gst_audio_stream_align_new(kMsHz, kLimits.tolerance_ns + GST_MSECOND, kLimits.wait_ns);
    PlainRule rule(pts_ms[0]);
    for (size_t i = 0; i < pts_ms.size(); ++i) {
      const bool ends = gst_audio_stream_align_process(align, FALSE, pts_ms[i] * GST_MSECOND,
                                                       kBufferMs, nullptr, nullptr, nullptr);
      ASSERT_EQ(rule.ends_at(pts_ms[i]), ends && i > 0) << "buffer " << i;
    }
    gst_audio_stream_align_free(align);
  }
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
