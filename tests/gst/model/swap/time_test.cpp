// tsmodel: the frame at which a model takes over.
#include <gst/base/gstbasetransform.h>
#include <gtest/gtest.h>

#include "gst/model/swap/cases.h"

namespace torchstreamer::test {
namespace {

TEST(TsModelSwap, DrainsTheOldModelBeforeTheNextBuffer) {
  for (const Swap& swap : kSwaps) {
    SCOPED_TRACE(std::string(swap.from) + " to " + swap.to);
    ElementRig rig("tsmodel", at(swap.from));
    Listener listener(rig.element);
    rig.start(audio(1));
    push_fixture(&rig, swap.from, 0);
    rig.set("location", model_path(swap.to));
    ASSERT_TRUE(listener.wait_for("progress complete"));
    push_fixture(&rig, swap.to, kFixtureFrames);
    rig.send_eos();
    expect_swap(&rig, swap);
    EXPECT_EQ(listener.count("progress start"), 1);
  }
}

/// Swaps at the first frame of a buffer, and within buffers of 100 and of 5,000 frames.
void expect_swaps_at_a_running_time(const Swap& swap, const char* mode, bool only_first_is_timed) {
  for (const int64_t frames_per_buffer : {1, 100, 5000}) {
    SCOPED_TRACE(testing::Message()
                 << swap.from << " to " << swap.to << " by " << frames_per_buffer);
    ElementRig rig("tsmodel", at(swap.from, {{"swap", mode}}));
    Listener listener(rig.element);
    rig.start(audio(1));
    rig.send_segment(kStart / 2, GST_CLOCK_TIME_NONE);  // running time starts there
    const GstClockTime swap_time = kStart / 2 + time_of(kFixtureFrames);
    ask_for(&rig, listener, swap.to, swap_time);
    const GstAudioInfo info = make_info(audio(1));
    const Bytes all = fixture(swap.from).in + fixture(swap.to).in;
    rig.push_all(info, slice(info, all, 0, 10), 10, kStart);
    rig.push_all(info, slice(info, all, 10, all.size() / info.bpf - 10), frames_per_buffer,
                 only_first_is_timed ? GST_CLOCK_TIME_NONE : kStart + time_of(10));
    rig.send_eos();
    expect_swap(&rig, swap);
    const std::vector<StructurePtr> swaps = listener.structures("tsmodel-swap");
    ASSERT_EQ(swaps.size(), 1u);
    guint64 running_time = 0;
    gst_structure_get_uint64(swaps[0].get(), "running-time", &running_time);
    EXPECT_EQ(running_time, swap_time);
    EXPECT_EQ(gst_structure_get_string(swaps[0].get(), "location"), model_path(swap.to));
  }
}

TEST(TsModelSwap, TakesOverWithTheFrameAtARunningTime) {
  for (const Swap& swap : kSwaps) expect_swaps_at_a_running_time(swap, "drain", false);
}

TEST(TsModelSwap, TakesOverWithTheFrameAtARunningTimeIfOnlyTheFirstBufferHasAPts) {
  for (const Swap& swap : kSwaps) expect_swaps_at_a_running_time(swap, "drain", true);
}

// Models whose output caps differ cannot cross within one signal.
TEST(TsModelSwap, DrainsInsteadOfCrossingIfTheOutputCapsChange) {
  for (const Swap& swap : kSwaps)
    if (swap.changes_caps) expect_swaps_at_a_running_time(swap, "cross", false);
}

constexpr GstClockTime kCapture = 77 * GST_SECOND;  // capture time of the frame with the PTS kStart

/// Pushes one buffer with its capture time.
void push_captured(ElementRig* rig, const Bytes& frames, GstClockTime pts) {
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  BufferPtr buffer = make_buffer(make_info(audio(1)), frames, pts);
  gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(), kCapture + pts - kStart,
                                          GST_CLOCK_TIME_NONE);
  EXPECT_EQ(rig->push(std::move(buffer)), GST_FLOW_OK);
}

/// PTS of the buffers with a capture time, which must be that of their first frame.
std::vector<GstClockTime> captured(const std::vector<BufferPtr>& buffers) {
  std::vector<GstClockTime> found;
  for (const BufferPtr& buffer : buffers) {
    const GstClockTime pts = GST_BUFFER_PTS(buffer.get());
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffer.get(), nullptr);
    if (!stamp) continue;  // frames that were drained at the end of a signal
    EXPECT_EQ(stamp->timestamp, kCapture + pts - kStart) << "at " << pts;
    found.push_back(pts);
  }
  return found;
}

// The new model takes over in the middle of the only buffer.
TEST(TsModelSwap, AdjustsCaptureTimesIfTheBufferIsSplit) {
  const GstClockTime swap_pts = kStart + time_of(kFixtureFrames);
  for (const Swap& swap : kSwaps) {
    SCOPED_TRACE(std::string(swap.from) + " to " + swap.to);
    ElementRig rig("tsmodel", at(swap.from));
    Listener listener(rig.element);
    rig.start(audio(1));
    ask_for(&rig, listener, swap.to, swap_pts);
    push_captured(&rig, fixture(swap.from).in + fixture(swap.to).in, kStart);
    rig.send_eos();
    const Halves found = halves(&rig, swap_pts);
    expect_close(found.before, fixture(swap.from));
    expect_close(found.after, fixture(swap.to));
    EXPECT_EQ(captured(found.buffers), (std::vector<GstClockTime>{kStart, swap_pts}));
    EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  }
}

// In reverse playback, running time increases from a buffer to the previous one in the stream, and
// no buffer is split.
void expect_swap_in_reverse(const Swap& swap, const char* mode) {
  const GstClockTime later = kStart + time_of(kFixtureFrames), stop = later + GST_SECOND;
  ElementRig rig("tsmodel", at(swap.from, {{"swap", mode}}));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.send_segment(0, stop, -1.0);
  ask_for(&rig, listener, swap.to, stop - kStart);
  push_captured(&rig, fixture(swap.from).in, later);
  push_captured(&rig, fixture(swap.to).in, kStart);
  rig.send_eos();
  const Halves found = halves(&rig, later);
  expect_close(found.after, fixture(swap.from));
  expect_close(found.before, fixture(swap.to));
  EXPECT_EQ(captured(found.buffers), (std::vector<GstClockTime>{later, kStart}));
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST(TsModelSwap, TakesOverWithABufferInReversePlayback) {
  for (const Swap& swap : kSwaps)
    for (const char* mode : {"drain", "cross"}) {
      SCOPED_TRACE(std::string(swap.from) + " to " + swap.to + ": " + mode);
      expect_swap_in_reverse(swap, mode);
    }
}

// The message has the times of a frame that is pushed, not of one that is clipped.
TEST(TsModelSwap, MessageHasTheTimesOfTheFirstFrameOfTheSegment) {
  const GstAudioInfo info = make_info(audio(1));
  for (const char* mode : {"audio", "message"}) {
    SCOPED_TRACE(mode);
    ElementRig rig("tsmodel", at("same3.script.pt", {{"output-mode", mode}}));
    Listener listener(rig.element);
    rig.start(audio(1));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = kStart;
    segment.time = 7 * GST_SECOND;
    segment.base = GST_SECOND / 2;
    rig.send(gst_event_new_segment(&segment));
    rig.set("location", model_path("blocks.script.pt"));
    ASSERT_TRUE(listener.wait_for("progress complete"));
    rig.push(make_buffer(info, {}, kStart / 4));  // an empty buffer
    rig.push_all(info, make_noise(info, kRateHz, 1), 2 * kRateHz / 3, kStart / 2);
    const std::vector<StructurePtr> swaps = listener.structures("tsmodel-swap");
    ASSERT_EQ(swaps.size(), 1u);
    const std::pair<const char*, GstClockTime> times[] = {
        {"timestamp", kStart}, {"stream-time", 7 * GST_SECOND}, {"running-time", GST_SECOND / 2}};
    for (const auto& [name, expected] : times) {
      guint64 value = 0;
      gst_structure_get_uint64(swaps[0].get(), name, &value);
      EXPECT_EQ(value, expected) << name;
    }
    EXPECT_STREQ(gst_structure_get_string(swaps[0].get(), "digest"),
                 gst_structure_get_string(rig.stats().get(), "model-digest"));
  }
}

// Timestamps that are off by less than the tolerance cause no gap and no overlap.
TEST(TsModelSwap, ContinuesAtTheEndOfTheOldSignalDespiteJitter) {
  for (const Swap& swap : kSwaps)
    for (const int jitter_ms : {-5, 5}) {
      SCOPED_TRACE(std::string(swap.from) + " to " + swap.to + ", " + std::to_string(jitter_ms));
      ElementRig rig("tsmodel", at(swap.from));
      Listener listener(rig.element);
      rig.start(audio(1));
      push_fixture(&rig, swap.from, 0);
      rig.set("location", model_path(swap.to));
      ASSERT_TRUE(listener.wait_for("progress complete"));
      rig.push_all(make_info(audio(1)), fixture(swap.to).in, 100,
                   kStart + time_of(kFixtureFrames) + jitter_ms * GST_MSECOND);
      rig.send_eos();
      expect_swap(&rig, swap);
      guint64 pts = 0;
      gst_structure_get_uint64(listener.structures("tsmodel-swap").at(0).get(), "timestamp", &pts);
      EXPECT_EQ(pts, kStart + time_of(kFixtureFrames));
    }
}

TEST(TsModelSwap, ChangesTheLatency) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  const int before = listener.count("latency");
  rig.set("location", model_path("down2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  EXPECT_EQ(rig.latency_ns(), gst_util_uint64_scale_ceil(1, GST_SECOND, kRateHz));
  push_fixture(&rig, "down2.script.pt", kFixtureFrames);
  EXPECT_EQ(rig.latency_ns(), gst_util_uint64_scale_ceil(2, GST_SECOND, kRateHz));
  EXPECT_EQ(listener.count("latency"), before + 1);
}

}  // namespace
}  // namespace torchstreamer::test
