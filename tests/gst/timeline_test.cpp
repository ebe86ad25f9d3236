// Time by arithmetic alone: no drift, however long.
#include "timeline.h"

#include <gtest/gtest.h>

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

TEST(Timeline, DoesNotDriftInADay) {
  constexpr int64_t kSeconds = 24 * 60 * 60;
  for (int out_hz : {32000, 44100, 48000, 96000}) {
    Timeline timeline(44100, out_hz);
    timeline.take(12345, 0);
    const int64_t frames_in = 44100 / 100, frames_out = out_hz / 100;
    GstClockTime end = 12345;
    for (int64_t i = 0; i < kSeconds * 100; ++i) {
      ASSERT_TRUE(timeline.continues(12345 + i * 10 * GST_MSECOND, 0));
      timeline.take(12345 + i * 10 * GST_MSECOND, frames_in);
      const Stamp now = stamp(&timeline, frames_out);
      ASSERT_EQ(now.pts, end);
      end = now.pts + now.duration;
    }
    EXPECT_EQ(end, 12345 + kSeconds * GST_SECOND);
    EXPECT_EQ(timeline.next_pts(), 12345 + kSeconds * GST_SECOND);
  }
}

TEST(Timeline, KnowsNothingBeforeTheFirstPts) {
  Timeline timeline(1000, 2000);
  EXPECT_EQ(timeline.next_pts(), GST_CLOCK_TIME_NONE);
  timeline.take(GST_CLOCK_TIME_NONE, 10);
  EXPECT_TRUE(timeline.continues(GST_CLOCK_TIME_NONE, 0));
  EXPECT_FALSE(timeline.continues(0, GST_SECOND));
  const Stamp first = stamp(&timeline, 20);
  EXPECT_EQ(first.pts, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(first.duration, 10 * GST_MSECOND);
  EXPECT_EQ(first.offset_end, 20u);
}

TEST(Timeline, ASignalFollowsTheOneBefore) {
  Timeline timeline(1000, 2000);
  timeline.take(GST_SECOND, 10);
  stamp(&timeline, 20);
  timeline.restart();
  EXPECT_EQ(timeline.next_pts(), GST_SECOND + 10 * GST_MSECOND);
  timeline.take(GST_CLOCK_TIME_NONE, 1);
  EXPECT_EQ(stamp(&timeline, 2).offset, 2020u);
  timeline.restart(5 * GST_SECOND);
  EXPECT_EQ(timeline.next_pts(), 5 * GST_SECOND);
}

TEST(Timeline, TheToleranceIsIncluded) {
  Timeline timeline(1000, 1000);
  timeline.take(GST_SECOND, 10);
  const GstClockTime due = GST_SECOND + 10 * GST_MSECOND;
  EXPECT_TRUE(timeline.continues(due + 5, 5));
  EXPECT_TRUE(timeline.continues(due - 5, 5));
  EXPECT_FALSE(timeline.continues(due + 6, 5));
  EXPECT_FALSE(timeline.continues(due - 6, 5));
}

TEST(Timeline, CountsFramesUpToATimeAndOutputUpToAFrame) {
  Timeline timeline(44100, 48000);
  timeline.take(GST_SECOND, 441);
  EXPECT_EQ(timeline.frames_until(GST_SECOND + 10 * GST_MSECOND), 0);
  EXPECT_EQ(timeline.frames_until(GST_SECOND + 30 * GST_MSECOND), 882);
  EXPECT_EQ(timeline.frames_until(GST_SECOND), -441);
  EXPECT_EQ(timeline.frames_until(0), -441);
  EXPECT_EQ(timeline.due_frames_out(), 480);
  timeline.take(GST_CLOCK_TIME_NONE, 1);
  EXPECT_EQ(timeline.due_frames_out(), 482);  // 481.09
}

}  // namespace
}  // namespace torchstreamer
