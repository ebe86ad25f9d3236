// tsresample: timestamps of live sources that jitter, and sources that fall silent.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "gst/resample/resample_cases.h"

namespace torchstreamer::test {
namespace {

constexpr int kHz = 48000, kTargetHz = 16000, kBufferFrames = 960;  // 20 ms
constexpr GstClockTime kBufferNs = 20 * GST_MSECOND;
constexpr char kWait[] = "1000000000";  // the default

/// Pushes silence with the PTS `pts_of(i)` for `buffers` buffers.
void push_at(ElementRig* rig, int buffers, const std::function<GstClockTime(int)>& pts_of) {
  const GstAudioInfo info = make_info(mono(kHz));
  const Bytes silence(kBufferFrames * GST_AUDIO_INFO_BPF(&info));
  for (int i = 0; i < buffers; ++i)
    ASSERT_EQ(rig->push(make_buffer(info, silence, pts_of(i))), GST_FLOW_OK);
}

TEST(TsResampleLive, JitterIsNotADiscontinuityByDefault) {
  const auto resets = [](const char* wait) {
    ElementRig rig("tsresample", {{"discont-wait", wait}});
    rig.start(mono(kHz), to_rate(kTargetHz));
    std::mt19937 random(1);
    push_at(&rig, 500, [&](int i) { return i * kBufferNs + random() % 100 * GST_MSECOND; });
    rig.send_eos();
    if (std::string(wait) == kWait) {
      const std::vector<BufferPtr> buffers = rig.take_buffers();
      EXPECT_EQ(count_frames(rig.out_info(), join(rig.out_info(), buffers)),
                500 * kBufferFrames / 3);
    }
    return rig.stat("resets");
  };
  EXPECT_EQ(resets(kWait), 1u);
  EXPECT_GT(resets("0"), 100u);
  GstElement* element = gst_element_factory_make("tsresample", nullptr);
  guint64 wait_ns = 0;
  g_object_get(element, "discont-wait", &wait_ns, nullptr);
  EXPECT_EQ(std::to_string(wait_ns), kWait);
  gst_object_unref(element);
}

// A jitterbuffer squeezes the first timestamps: 12 buffers are 15 ms apart. The time is 60 ms too
// late from then on, and is corrected once, after a second.
TEST(TsResampleLive, SqueezedTimestampsAreOneDiscontinuity) {
  ElementRig rig("tsresample", {{"discont-wait", kWait}});
  rig.start(mono(kHz), to_rate(kTargetHz));
  push_at(&rig, 200, [](int i) { return i * kBufferNs - std::min(i, 12) * 5 * GST_MSECOND; });
  rig.send_eos();
  EXPECT_EQ(rig.stat("resets"), 2u);
  int steps_back = 0;
  GstClockTime end_ns = 0;
  for (const BufferPtr& buffer : rig.take_buffers()) {
    steps_back += GST_BUFFER_PTS(buffer.get()) + 1 < end_ns;
    end_ns = GST_BUFFER_PTS(buffer.get()) + GST_BUFFER_DURATION(buffer.get());
  }
  EXPECT_EQ(steps_back, 1);
}

TEST(TsResampleLive, AFlaggedDiscontinuityDoesNotWait) {
  const GstAudioInfo info = make_info(mono(kHz));
  ElementRig rig("tsresample", {{"discont-wait", kWait}});
  rig.start(mono(kHz), to_rate(kTargetHz));
  push_at(&rig, 5, [](int i) { return i * kBufferNs; });
  BufferPtr flagged =
      make_buffer(info, Bytes(kBufferFrames * GST_AUDIO_INFO_BPF(&info)), GST_SECOND);
  GST_BUFFER_FLAG_SET(flagged.get(), GST_BUFFER_FLAG_DISCONT);
  rig.push(std::move(flagged));
  EXPECT_EQ(rig.stat("resets"), 1u);
  EXPECT_EQ(GST_BUFFER_PTS(rig.take_buffers().back().get()), GST_SECOND);
}

// Bursts without timestamps: the look-ahead of a burst leaves after the timeout.
TEST(TsResampleLive, TheTailIsPushedAfterTheFlushTimeout) {
  const GstAudioInfo info = make_info(mono(kHz));
  const Bytes burst = make_noise(info, kBufferFrames, 4);
  const Bytes expected = resample(info, burst, kTargetHz);
  ElementRig rig("tsresample", {{"flush-timeout", "500000000"}});
  rig.start(mono(kHz), to_rate(kTargetHz));
  for (uint64_t i = 1; i <= 3; ++i) {
    rig.push(make_buffer(info, burst, GST_CLOCK_TIME_NONE));
    EXPECT_LT(rig.stat("frames-out"), i * kBufferFrames / 3);
    for (int wait = 0; wait < 1000 && rig.stat("resets") < i; ++wait) g_usleep(10000);
    EXPECT_EQ(rig.stat("frames-out"), i * kBufferFrames / 3);
  }
  const Bytes frames = rig.take_frames();
  Bytes all;
  for (int i = 0; i < 3; ++i) all.insert(all.end(), expected.begin(), expected.end());
  EXPECT_TRUE(frames == all);

  ElementRig never("tsresample");
  never.start(mono(kHz), to_rate(kTargetHz));
  never.push(make_buffer(info, burst, GST_CLOCK_TIME_NONE));
  g_usleep(200000);
  EXPECT_EQ(never.stat("resets"), 0u);
}

// The signal ends one timeout after the gap, not one timeout after the buffer.
TEST(TsResampleLive, AShortGapRestartsTheFlushTimeout) {
  using std::chrono::steady_clock;
  ElementRig rig("tsresample", {{"flush-timeout", "1000000000"}});
  rig.start(mono(kHz), to_rate(kTargetHz));
  push_at(&rig, 1, [](int) { return 0; });
  g_usleep(200000);
  const steady_clock::time_point start = steady_clock::now();
  rig.send(gst_event_new_gap(kBufferNs, frame_ns(5, kHz)));
  EXPECT_EQ(rig.stat("gaps"), 1u);
  EXPECT_EQ(rig.stat("resets"), 0u) << "the gap is not shorter than the receptive field";
  for (int wait = 0; wait < 10000 && rig.stat("resets") == 0; ++wait) g_usleep(1000);
  EXPECT_GE(steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(rig.stat("resets"), 1u);
}

// The timeout of 1 ms ends before, during and after the change to READY.
TEST(TsResampleLive, TheFlushTimeoutMayEndWhileTheElementStops) {
  ElementRig rig("tsresample", {{"flush-timeout", "1000000"}});
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(rig.start(mono(kHz), to_rate(kTargetHz)));
    push_at(&rig, 1, [](int) { return 0; });
    g_usleep(random() % 2000);
    ASSERT_EQ(change_state(rig.element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  }
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_ERROR), 0);
}

}  // namespace
}  // namespace torchstreamer::test
