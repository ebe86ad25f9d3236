// tsresample: segments, positions and capture times.
#include <gtest/gtest.h>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

TEST(TsResample, ClipsToTheSegment) {
  const GstAudioInfo info = make_info(mono(48000));
  const Bytes noise = make_noise(info, 4800, 1);  // 0 to 100 ms
  for (int64_t frames_per_buffer : {480, 700, 4800}) {
    ElementRig rig("tsresample");
    rig.start(mono(48000), to_rate(32000));
    rig.send_segment(25 * GST_MSECOND, 75 * GST_MSECOND);
    rig.take();
    rig.push_all(info, noise, frames_per_buffer);
    rig.send_eos();
    const GstAudioInfo out = rig.out_info();
    std::vector<BufferPtr> buffers = rig.take_buffers();
    expect_timeline(buffers, out, 25 * GST_MSECOND);
    EXPECT_EQ(join(out, buffers), resample(info, slice(info, noise, 1200, 2400), 32000))
        << frames_per_buffer;
  }
}

TEST(TsResample, BuffersWithoutPtsContinueAfterClippedBuffers) {
  const GstAudioInfo info = make_info(mono(48000));
  const Bytes noise = make_noise(info, 4800, 1);  // 0 to 100 ms
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(32000));
  rig.send_segment(25 * GST_MSECOND, 75 * GST_MSECOND);
  rig.take();
  for (int i = 0; i < 10; ++i)
    rig.push(make_buffer(info, slice(info, noise, i * 480, 480), i ? GST_CLOCK_TIME_NONE : 0));
  const GstAudioInfo out = rig.out_info();
  const std::vector<BufferPtr> buffers = rig.take_buffers();  // the tail needs no EOS
  expect_timeline(buffers, out, 25 * GST_MSECOND);
  EXPECT_EQ(join(out, buffers), resample(info, slice(info, noise, 1200, 2400), 32000));
}

TEST(TsResample, ReversePlaybackDrainsEachBuffer) {
  const GstAudioInfo info = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(16000));
  rig.send_segment(0, GST_SECOND, -1.0);
  rig.take();
  for (int i = 2; i >= 0; --i) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 480, i), i * 10 * GST_MSECOND);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    rig.push(std::move(buffer));
  }
  rig.send_eos();
  EXPECT_EQ(rig.stat("frames-out"), 480u);
  EXPECT_EQ(rig.stat("resets"), 3u);
  std::vector<GstClockTime> starts;
  for (const BufferPtr& buffer : rig.take_buffers())
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) starts.push_back(GST_BUFFER_PTS(buffer.get()));
  EXPECT_EQ(starts, (std::vector<GstClockTime>{20 * GST_MSECOND, 10 * GST_MSECOND, 0}));
}

TEST(TsResample, ReversePlaybackNeedsNoFlags) {
  const GstAudioInfo info = make_info(mono(48000));
  ElementRig rig("tsresample");
  rig.start(mono(48000), to_rate(16000));
  rig.send_segment(0, GST_SECOND, -1.0);
  rig.take();
  Bytes expected;
  for (int i = 9; i >= 0; --i) {
    const Bytes piece = make_noise(info, 480, i), part = resample(info, piece, 16000);
    expected.insert(expected.end(), part.begin(), part.end());
    // Two buffers that are contiguous except for rounding stay one signal.
    rig.push_all(info, slice(info, piece, 0, 200), 200, i * 10 * GST_MSECOND);
    rig.push_all(info, slice(info, piece, 200, 280), 280, i * 10 * GST_MSECOND + 4166666);
  }
  rig.send_eos();
  EXPECT_EQ(rig.stat("resets"), 10u);
  EXPECT_EQ(rig.take_frames(), expected);
}

// Buffers of 10 ms from PTS 10 ms on, captured from `capture_ns` on; the segment starts at 15 ms.
// With width 64 the output is delayed by more than one buffer.
TEST(TsResample, MovesCaptureTimesWithThePts) {
  const GstAudioInfo info = make_info(mono(8000));
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  ElementRig rig("tsresample", {{"lowpass-filter-width", "64"}});
  rig.start(mono(8000), to_rate(11025));
  rig.send_segment(15 * GST_MSECOND, GST_CLOCK_TIME_NONE);
  rig.take();
  const GstClockTime capture_ns = GST_SECOND;
  for (int i = 1; i <= 4; ++i) {
    BufferPtr buffer = make_buffer(info, make_noise(info, 80, i), i * 10 * GST_MSECOND);
    // The capture clock restarts with the last buffer; its output was captured before.
    const GstClockTime stamp_ns = i < 4 ? capture_ns + i * 10 * GST_MSECOND : 0;
    gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(), stamp_ns,
                                            GST_CLOCK_TIME_NONE);
    rig.push(std::move(buffer));
  }
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_GE(buffers.size(), 2u);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffers[i].get(), nullptr);
    ASSERT_EQ(stamp == nullptr, i + 1 == buffers.size());
    if (!stamp) continue;
    EXPECT_EQ(stamp->timestamp, capture_ns + GST_BUFFER_PTS(buffers[i].get()));
    EXPECT_EQ(stamp->duration, GST_CLOCK_TIME_NONE);
  }
}

// The last frame may extend beyond the segment.
TEST(TsResample, ReportsAPositionWithinItsSegment) {
  const GstAudioInfo info = make_info(mono(44100));
  for (const GstClockTime stop : {1234567890, 1000000001, 1000010000})
    for (const char* to : {"8000", "48000"})
      for (const double rate : {1.0, -1.0}) {
        SCOPED_TRACE(testing::Message() << stop << " to " << to << " at " << rate);
        ElementRig rig("tsresample");
        rig.start(mono(44100), "audio/x-raw,rate=" + std::string(to));
        rig.send_segment(GST_SECOND, stop, rate);
        rig.push_all(info, make_noise(info, 44100, 1), 44100, GST_SECOND);
        rig.send_eos();
        gint64 position = -1;
        EXPECT_TRUE(gst_element_query_position(rig.element, GST_FORMAT_TIME, &position));
        EXPECT_EQ(position, rate > 0 ? stop : GST_SECOND);
      }
}

// The position is that of the output.
TEST(TsResample, ReportsItsPositionInStreamTime) {
  const GstAudioInfo info = make_info(mono(44100));
  for (const char* to : {"48000", "44100"}) {
    ElementRig rig("tsresample");
    rig.start(mono(44100), "audio/x-raw,rate=" + std::string(to));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND;
    segment.time = 5 * GST_SECOND;
    rig.send(gst_event_new_segment(&segment));
    for (const int tenth : {0, 1, 2}) {
      rig.push_all(info, make_noise(info, 4410, 1), 441, GST_SECOND + tenth * GST_SECOND / 10);
      gint64 position = -1;
      EXPECT_TRUE(gst_element_query_position(rig.element, GST_FORMAT_TIME, &position));
      const gint64 expected = 5 * GST_SECOND + (tenth + 1) * (GST_SECOND / 10);
      EXPECT_NEAR(position, expected, GST_MSECOND) << to;
    }
    // Output before a seek does not affect the position after it.
    rig.send(gst_event_new_flush_start());
    rig.send(gst_event_new_flush_stop(TRUE));
    segment.start = 100 * GST_SECOND;
    segment.time = 0;
    rig.send(gst_event_new_segment(&segment));
    gint64 position = 0;
    const bool is_known = gst_element_query_position(rig.element, GST_FORMAT_TIME, &position);
    EXPECT_TRUE(!is_known || position == 0) << position;
  }
}

TEST(TsResample, DropsNothingForQos) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 4410, 1);
  ElementRig rig("tsresample", {{"qos", "true"}});
  rig.start(mono(44100), to_rate(48000));
  gst_harness_push_upstream_event(
      rig.harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, GST_SECOND));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

}  // namespace
}  // namespace torchstreamer::test
