// tsmodel: models that take over while audio flows. The oracle is the offline output of both
// models, which lies beside them:
//
//     audio in     in of the old model, 1201 frames | in of the new one, 1201 frames
//     audio out    out of the old model             | out of the new one
#include <gst/base/gstbasetransform.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "../temporary_folder.h"
#include "gst_main.h"
#include "listener.h"
#include "median.h"
#include "model_rig.h"

namespace torchstreamer::test {
namespace {

struct Swap {
  const char *from, *to;
  bool changes_caps;
};

constexpr Swap kSwaps[] = {{"same3.script.pt", "down2.script.pt", true},
                           {"down2.script.pt", "up3.script.pt", true},
                           {"up3.script.pt", "same3.trace.pt", true},
                           {"same3.script.pt", "blocks.script.pt", false}};

constexpr GstClockTime kStart = GST_SECOND;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// What left before the PTS of the swap and from there on.
struct Halves {
  Bytes before, after;
  std::vector<GstClockTime> signals;  // PTS of their first buffers
  std::vector<BufferPtr> buffers;
  int caps = 0;
};

Halves halves(ElementRig* rig, GstClockTime swap_pts) {
  Halves found;
  GstAudioInfo info = {};
  for (Item& item : rig->take()) {
    if (item.event && GST_EVENT_TYPE(item.event.get()) == GST_EVENT_CAPS) {
      GstCaps* caps;
      gst_event_parse_caps(item.event.get(), &caps);
      gst_audio_info_from_caps(&info, caps);
      ++found.caps;
    }
    if (!item.buffer) continue;
    const GstClockTime pts = GST_BUFFER_PTS(item.buffer.get());
    if (has_flag(item.buffer, GST_BUFFER_FLAG_DISCONT)) found.signals.push_back(pts);
    Bytes& half = pts < swap_pts ? found.before : found.after;
    half = half + read_frames(info, item.buffer.get());
    found.buffers.push_back(std::move(item.buffer));
  }
  return found;
}

void expect_swap(ElementRig* rig, const Swap& swap) {
  const GstClockTime swap_pts = kStart + time_of(kFixtureFrames);
  const Halves found = halves(rig, swap_pts);
  expect_close(found.before, fixture(swap.from).out);
  expect_close(found.after, fixture(swap.to).out);
  EXPECT_EQ(found.signals, (std::vector<GstClockTime>{kStart, swap_pts}));
  EXPECT_EQ(found.caps, swap.changes_caps ? 2 : 1);
  EXPECT_EQ(first_text(rig->take_errors()), "");
  EXPECT_EQ(first_text(rig->take_errors(GST_MESSAGE_WARNING)), "");
}

/// Pushes the input of a fixture, the first frame of which is the stream's `first_frame`.
void push_fixture(ElementRig* rig, const char* file, int64_t first_frame) {
  EXPECT_EQ(
      rig->push_all(make_info(audio(1)), fixture(file).in, 100, kStart + time_of(first_frame)),
      GST_FLOW_OK);
}

TEST(TsModelSwap, EndsTheOldSignalAndGoesOnWithTheNextBuffer) {
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

/// Asks for `file` from the frame at `swap_time` on, and waits until it is ready.
void ask_for(ElementRig* rig, Listener& listener, const char* file, GstClockTime swap_time) {
  rig->set("swap-time", std::to_string(swap_time));
  rig->set("location", model_path(file));
  ASSERT_TRUE(listener.wait_for("progress complete"));
}

/// The frame begins a buffer, lies within one of 100, and within one that holds most.
void expect_swaps_at_a_running_time(const Swap& swap, const char* mode, bool only_first_is_timed) {
  for (const int64_t frames_per_buffer : {1, 100, 5000}) {
    SCOPED_TRACE(testing::Message()
                 << swap.from << " to " << swap.to << " by " << frames_per_buffer);
    ElementRig rig("tsmodel", at(swap.from, {{"swap", mode}}));
    Listener listener(rig.element);
    rig.start(audio(1));
    rig.send_segment(kStart / 2, GST_CLOCK_TIME_NONE);  // where running time begins
    const GstClockTime swap_time = kStart / 2 + time_of(kFixtureFrames);
    ask_for(&rig, listener, swap.to, swap_time);
    const GstAudioInfo info = make_info(audio(1));
    const Bytes all = fixture(swap.from).in + fixture(swap.to).in;
    rig.push_all(info, slice(info, all, 0, 10), 10, kStart);
    rig.push_all(info, slice(info, all, 10, all.size() / info.bpf - 10), frames_per_buffer,
                 only_first_is_timed ? GST_CLOCK_TIME_NONE : kStart + time_of(10));
    rig.send_eos();
    expect_swap(&rig, swap);
    const std::vector<StructurePtr> told = listener.structures("tsmodel-swap");
    ASSERT_EQ(told.size(), 1u);
    guint64 running_time = 0;
    gst_structure_get_uint64(told[0].get(), "running-time", &running_time);
    EXPECT_EQ(running_time, swap_time);
    EXPECT_EQ(gst_structure_get_string(told[0].get(), "location"), model_path(swap.to));
  }
}

TEST(TsModelSwap, TakesOverWithTheFrameAtARunningTime) {
  for (const Swap& swap : kSwaps) expect_swaps_at_a_running_time(swap, "drain", false);
}

TEST(TsModelSwap, TakesOverWithTheFrameAtARunningTimeWhereOnlyTheFirstBufferIsTimed) {
  for (const Swap& swap : kSwaps) expect_swaps_at_a_running_time(swap, "drain", true);
}

// Where both models make other audio of the same they have no frame at which to cross.
TEST(TsModelSwap, DrainsInPlaceOfCrossingWhereWhatComesOutChanges) {
  for (const Swap& swap : kSwaps)
    if (swap.changes_caps) expect_swaps_at_a_running_time(swap, "cross", false);
}

constexpr GstClockTime kCapture = 77 * GST_SECOND;  // of what has the PTS kStart

/// One buffer with the time at which it was captured.
void push_captured(ElementRig* rig, const Bytes& frames, GstClockTime pts) {
  const CapsPtr reference = make_caps("timestamp/x-ntp");
  BufferPtr buffer = make_buffer(make_info(audio(1)), frames, pts);
  gst_buffer_add_reference_timestamp_meta(buffer.get(), reference.get(), kCapture + pts - kStart,
                                          GST_CLOCK_TIME_NONE);
  EXPECT_EQ(rig->push(std::move(buffer)), GST_FLOW_OK);
}

/// The PTS of the buffers that tell when they were captured: that of their own first frame.
std::vector<GstClockTime> captured(const std::vector<BufferPtr>& buffers) {
  std::vector<GstClockTime> found;
  for (const BufferPtr& buffer : buffers) {
    const GstClockTime pts = GST_BUFFER_PTS(buffer.get());
    const auto* stamp = gst_buffer_get_reference_timestamp_meta(buffer.get(), nullptr);
    if (!stamp) continue;  // frames that the end of a signal brought
    EXPECT_EQ(stamp->timestamp, kCapture + pts - kStart) << "at " << pts;
    found.push_back(pts);
  }
  return found;
}

// A frame of the new model takes over within the one buffer that holds all.
TEST(TsModelSwap, CutsCaptureTimesWithTheBuffer) {
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
    expect_close(found.before, fixture(swap.from).out);
    expect_close(found.after, fixture(swap.to).out);
    EXPECT_EQ(captured(found.buffers), (std::vector<GstClockTime>{kStart, swap_pts}));
    EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  }
}

// Backwards, running time goes on from a buffer to the one before it, and none is cut.
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
  expect_close(found.after, fixture(swap.from).out);
  expect_close(found.before, fixture(swap.to).out);
  EXPECT_EQ(captured(found.buffers), (std::vector<GstClockTime>{later, kStart}));
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST(TsModelSwap, TakesOverWithABufferWherePlaybackIsReverse) {
  for (const Swap& swap : kSwaps)
    for (const char* mode : {"drain", "cross"}) {
      SCOPED_TRACE(std::string(swap.from) + " to " + swap.to + ": " + mode);
      expect_swap_in_reverse(swap, mode);
    }
}

// The one message tells of a frame that leaves, whatever of the buffer is clipped.
TEST(TsModelSwap, IsToldWithTheFirstFrameOfTheSegment) {
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
    rig.push(make_buffer(info, {}, kStart / 4));  // of no frame at all
    rig.push_all(info, make_noise(info, kRateHz, 1), 2 * kRateHz / 3, kStart / 2);
    const std::vector<StructurePtr> told = listener.structures("tsmodel-swap");
    ASSERT_EQ(told.size(), 1u);
    const std::pair<const char*, GstClockTime> times[] = {
        {"timestamp", kStart}, {"stream-time", 7 * GST_SECOND}, {"running-time", GST_SECOND / 2}};
    for (const auto& [name, expected] : times) {
      guint64 value = 0;
      gst_structure_get_uint64(told[0].get(), name, &value);
      EXPECT_EQ(value, expected) << name;
    }
    EXPECT_STREQ(gst_structure_get_string(told[0].get(), "digest"),
                 gst_structure_get_string(rig.stats().get(), "model-digest"));
  }
}

// Timestamps that are off by less than the tolerance make no hole and nothing heard twice.
TEST(TsModelSwap, GoesOnWhereTheOldSignalEndedWhateverTheJitter) {
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
      guint64 told = 0;
      gst_structure_get_uint64(listener.structures("tsmodel-swap").at(0).get(), "timestamp", &told);
      EXPECT_EQ(told, kStart + time_of(kFixtureFrames));
    }
}

TEST(TsModelSwap, ChangesTheLatency) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  const int told = listener.count("latency");
  rig.set("location", model_path("down2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  EXPECT_EQ(rig.latency_ns(), gst_util_uint64_scale_ceil(1, GST_SECOND, kRateHz));
  push_fixture(&rig, "down2.script.pt", kFixtureFrames);
  EXPECT_EQ(rig.latency_ns(), gst_util_uint64_scale_ceil(2, GST_SECOND, kRateHz));
  EXPECT_EQ(listener.count("latency"), told + 1);
}

/// What becomes of `settings` while same3 plays: a warning that contains `part`, and nothing else.
void expect_old_goes_on(const Settings& settings, const std::string& part,
                        const std::string& downstream = "ANY") {
  SCOPED_TRACE(part);
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at(f.file));
  Listener listener(rig.element);
  rig.start(audio(1), downstream);
  gst_harness_set_src_caps_str(rig.harness, audio(1).c_str());  // upstream has no other
  rig.push_all(info, slice(info, f.in, 0, 600), 100, kStart);
  for (const auto& [name, value] : settings) rig.set(name, value);
  ASSERT_TRUE(listener.wait_for_loads());
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, kStart + time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f.out);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  const std::string warning = first_text(rig.take_errors(GST_MESSAGE_WARNING));
  EXPECT_NE(warning.find(part), std::string::npos) << warning;
  EXPECT_EQ(listener.count("warning"), 1);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

TEST(TsModelSwap, ThatFailsLeavesTheOldModelPlaying) {
  expect_old_goes_on({{"location", "/no/such/model.pt"}}, "/no/such/model.pt");
  expect_old_goes_on({{"location", model_path("refused.script.pt")}}, "group_norm");
  expect_old_goes_on({{"location", model_path("models.txt")}}, "models.txt");
  expect_old_goes_on({{"device", "abacus"}}, "abacus");
  expect_old_goes_on({{"sha256", std::string(64, '0')}}, "sha256");
}

TEST(TsModelSwap, ToAModelThatDoesNotFitTheAudioLeavesTheOldOnePlaying) {
  expect_old_goes_on({{"location", model_path("gain2.script.pt")}},
                     "does not take 1 channel but 2");
  expect_old_goes_on({{"location", model_path("down2.script.pt")}}, "Downstream of tsmodel nothing accepts",
                     "audio/x-raw,rate=44100");
}

/// same3 plays, a model of two channels is asked for, and upstream says that it has any audio.
class TsModelSwapOfChannels : public testing::Test {
 protected:
  TsModelSwapOfChannels() {
    rig.start(audio(1));
    push_fixture(&rig, from.file.c_str(), 0);
    rig.set("location", model_path(to.file));
    EXPECT_TRUE(listener.wait_for("progress complete"));
  }

  int count_reconfigures() {
    int count = 0;
    while (GstEvent* event = gst_harness_try_pull_upstream_event(rig.harness)) {
      count += GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE;
      gst_event_unref(event);
    }
    return count;
  }

  /// Until so much came, and so much time went by, that what was asked for is late.
  void push_until_it_is_late() {
    const GstAudioInfo info = make_info(audio(1));
    const Bytes noise = make_noise(info, kRateHz, 1);
    for (int i = 0; i < 12; ++i) {
      if (i == 11) g_usleep(1100000);
      rig.push(make_buffer(info, noise, GST_CLOCK_TIME_NONE));
    }
    rig.take();
    while (GstBuffer* buffer = gst_harness_try_pull(rig.harness)) gst_buffer_unref(buffer);
  }

  const Fixture from = fixture("same3.script.pt"), to = fixture("gain2.script.pt");
  ElementRig rig{"tsmodel", at(from.file)};
  Listener listener{rig.element};
};

TEST_F(TsModelSwapOfChannels, ComesWithTheAudioThatWasAskedFor) {
  const GstAudioInfo wide = make_info(audio(2));
  count_reconfigures();
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  EXPECT_EQ(count_reconfigures(), 1);
  CapsPtr caps(gst_pad_peer_query_caps(rig.harness->srcpad, nullptr));
  GstAudioInfo asked;
  EXPECT_TRUE(gst_audio_info_from_caps(&asked, CapsPtr(gst_caps_fixate(caps.release())).get()));
  EXPECT_EQ(asked.channels, 2);
  const CapsPtr flowing = make_caps(audio(1));
  caps.reset(gst_pad_peer_query_caps(rig.harness->srcpad, flowing.get()));
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), flowing.get())) << "what flows may go on";
  ASSERT_TRUE(rig.send_caps(audio(1))) << "what flows may be sent again";
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);

  ASSERT_TRUE(rig.send_caps(audio(2)));
  const GstClockTime swap_pts = kStart + time_of(3 * kFixtureFrames);
  ASSERT_EQ(rig.push_all(wide, to.in, 100, swap_pts), GST_FLOW_OK);
  rig.send_eos();
  const Halves found = halves(&rig, swap_pts);
  // Three times the same signal, whose models hear what was before.
  ElementRig alone("tsmodel", at(from.file));
  expect_close(found.before, stream(&alone, 1, from.in + from.in + from.in, 100));
  expect_close(found.after, to.out);
  const std::vector<StructurePtr> told = listener.structures("tsmodel-swap");
  ASSERT_EQ(told.size(), 1u);
  guint64 pts = 0;
  gst_structure_get_uint64(told[0].get(), "timestamp", &pts);
  EXPECT_EQ(pts, swap_pts);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

TEST_F(TsModelSwapOfChannels, WaitsForItAndTellsAfterTenSeconds) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes noise = make_noise(info, kRateHz / 10, 1);
  const auto push = [&](int tenths) {
    for (int i = 0; i < tenths; ++i)
      ASSERT_EQ(rig.push(make_buffer(info, noise, GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  };
  push(99);
  EXPECT_EQ(listener.count("warning"), 0);
  g_usleep(1100000);  // which it has at least, however fast audio is
  push(130);
  const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].text.find("does not take 1 channel but 2"), std::string::npos);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

// As caps that lie in a queue do. Who is asked for meanwhile comes after that.
TEST_F(TsModelSwapOfChannels, AudioThatWasAskedForIsTakenThoughAnotherModelIsWantedByNow) {
  const GstAudioInfo wide = make_info(audio(2));
  for (const char* wanted : {"same3.script.pt", "down2.script.pt"}) {
    SCOPED_TRACE(wanted);
    ElementRig rig("tsmodel", at(from.file));
    Listener listener(rig.element);
    rig.start(audio(1));
    push_fixture(&rig, from.file.c_str(), 0);
    rig.set("location", model_path(to.file));
    ASSERT_TRUE(listener.wait_for("progress complete"));
    push_fixture(&rig, from.file.c_str(), kFixtureFrames);
    rig.set("location", model_path(wanted));
    if (wanted != from.file) {
      ASSERT_TRUE(listener.wait_for("progress complete", 2));
      push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
    }
    ASSERT_TRUE(rig.send_caps(audio(2)));
    const GstClockTime wide_pts = kStart + GST_SECOND, last_pts = kStart + 2 * GST_SECOND;
    ASSERT_EQ(rig.push_all(wide, to.in, 100, wide_pts), GST_FLOW_OK);
    rig.send_segment(0, GST_CLOCK_TIME_NONE);
    rig.take();
    ASSERT_TRUE(rig.send_caps(audio(1)));
    const Fixture last = fixture(wanted);
    ASSERT_EQ(rig.push_all(make_info(audio(1)), last.in, 100, last_pts), GST_FLOW_OK);
    rig.send_eos();
    expect_close(rig.take_frames(), last.out);
    EXPECT_EQ(
        gst_structure_get_string(listener.structures("tsmodel-swap").back().get(), "location"),
        model_path(wanted));
    EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
  }
}

TEST_F(TsModelSwapOfChannels, OtherAudioOfTheOldModelGoesOn) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.take();
  ASSERT_TRUE(rig.send_caps(audio(1, 48000)));
  rig.take();
  EXPECT_EQ(rig.push_all(make_info(audio(1, 48000)), from.in, 100, 10 * GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  expect_close(rig.take_frames(), from.out);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  EXPECT_EQ(listener.count("error"), 0);
}

// No buffer comes between, so upstream was asked for nothing.
TEST_F(TsModelSwapOfChannels, AudioThatOnlyTheNextModelTakesIsForThat) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(from.file));
  ASSERT_TRUE(rig.send_caps(audio(2)));
  rig.take();
  ASSERT_TRUE(rig.send_caps(audio(1)));
  EXPECT_EQ(rig.push_all(make_info(audio(1)), from.in, 100, 2 * kStart), GST_FLOW_OK);
  rig.send_eos();
  expect_close(rig.take_frames(), from.out);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST_F(TsModelSwapOfChannels, AskedForTwiceIsOneSwap) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(from.file));
  rig.set("location", model_path(to.file));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  ASSERT_TRUE(rig.send_caps(audio(2)));
  const GstClockTime swap_pts = kStart + GST_SECOND;
  rig.push_all(make_info(audio(2)), to.in, 100, swap_pts);
  rig.send_eos();
  expect_close(halves(&rig, swap_pts).after, to.out);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST_F(TsModelSwapOfChannels, GivesWayToAModelThatFitsWhereItsAudioDoesNotCome) {
  const Fixture last = fixture("down2.script.pt");
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(last.file));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  push_until_it_is_late();
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.take();
  push_fixture(&rig, last.file.c_str(), 0);
  rig.send_eos();
  expect_close(rig.take_frames(), last.out);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

/// Its audio comes now: it runs from then on.
void expect_it_comes(ElementRig* rig, const Listener& listener, const Fixture& to) {
  rig->send_segment(0, GST_CLOCK_TIME_NONE);
  rig->take();
  ASSERT_TRUE(rig->send_caps(audio(2)));
  rig->push_all(make_info(audio(2)), to.in, 100);
  rig->send_eos();
  expect_close(rig->take_frames(), to.out);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(listener.count("error"), 0);
}

TEST_F(TsModelSwapOfChannels, OutlivesAFailureOfOneThatIsWantedAfterIt) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  count_reconfigures();
  expect_it_comes(&rig, listener, to);
  EXPECT_EQ(count_reconfigures(), 0) << "the old model is wanted back";
}

TEST_F(TsModelSwapOfChannels, WaitsOnBehindAFailureHoweverLateItsAudioIs) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  push_until_it_is_late();
  EXPECT_EQ(listener.count("warning"), 2) << "of the failure and of the wait";
  expect_it_comes(&rig, listener, to);
}

TEST_F(TsModelSwapOfChannels, IsForgottenWhereTheOldModelIsWantedAgain) {
  const TemporaryFolder folder;
  const fs::path copy = folder / "copy.pt";
  fs::copy_file(model_path(from.file), copy);
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", copy.string());
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  const uint64_t resets = rig.stat("resets");
  push_until_it_is_late();
  EXPECT_EQ(rig.stat("resets"), resets);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  EXPECT_EQ(listener.count("warning"), 0);
  const CapsPtr caps(gst_pad_peer_query_caps(rig.harness->srcpad, nullptr));
  EXPECT_FALSE(gst_caps_can_intersect(caps.get(), make_caps(audio(2)).get()));
}

// The weights of "heavy2" are 33 MB.
TEST_F(TsModelSwapOfChannels, ThatIsGivenUpIsFreed) {
  const int64_t before_bytes = bytes_in_use();
  if (before_bytes == 0) GTEST_SKIP() << "the allocator does not tell";
  rig.set("location", model_path("heavy2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_until_it_is_late();  // gain2, and heavy2 is what waits
  EXPECT_GT(bytes_in_use(), before_bytes + 30'000'000);
  rig.set("location", model_path(from.file));
  push_until_it_is_late();
  EXPECT_LT(bytes_in_use(), before_bytes + 5'000'000);
}

// A flush takes the caps back when the model has taken over: they come again.
TEST_F(TsModelSwapOfChannels, SurvivesAFlushWhileItsCapsAreSet) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  GstPad* down = gst_pad_get_peer(rig.harness->sinkpad);
  gst_pad_add_probe(
      down, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer harness) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_CAPS)
          return GST_PAD_PROBE_OK;
        gst_harness_push_event(static_cast<GstHarness*>(harness), gst_event_new_flush_start());
        return GST_PAD_PROBE_REMOVE;
      },
      rig.harness, nullptr);
  gst_object_unref(down);
  rig.send_caps(audio(2));
  rig.send(gst_event_new_flush_stop(TRUE));
  GstQuery* allocation = gst_query_new_allocation(make_caps(audio(2)).get(), TRUE);
  gst_pad_query(GST_BASE_TRANSFORM_SINK_PAD(rig.element), allocation);
  gst_query_unref(allocation);
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.take();
  const GstClockTime swap_pts = kStart + GST_SECOND;
  EXPECT_EQ(rig.push_all(make_info(audio(2)), to.in, 100, swap_pts), GST_FLOW_OK);
  rig.send_eos();
  expect_close(rig.take_frames(), to.out);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

// An audioconvert does what it is asked for: mono comes as two equal channels then.
TEST(TsModelSwap, ToOtherChannelsIsServedByAConverter) {
  const Fixture from = fixture("same3.script.pt"), to = fixture("gain2.script.pt");
  const std::string line = "audioconvert ! tsmodel name=model location=" + model_path(from.file);
  GstHarness* harness = gst_harness_new_parse(line.c_str());
  GstElement* model = gst_bin_get_by_name(GST_BIN(harness->element), "model");
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness->element, bus);
  gst_harness_set_src_caps_str(harness, audio(1).c_str());
  const GstAudioInfo info = make_info(audio(1));
  const auto push = [&](int64_t first_frame) {
    const BufferPtr buffer = make_buffer(info, from.in, time_of(first_frame));
    ASSERT_EQ(gst_harness_push(harness, gst_buffer_ref(buffer.get())), GST_FLOW_OK);
  };
  push(0);
  g_object_set(model, "location", model_path(to.file).c_str(), nullptr);
  GstMessage* swapped = nullptr;
  int64_t frames = kFixtureFrames;
  for (; !swapped && frames < 100 * kFixtureFrames; frames += kFixtureFrames) {
    push(frames);
    swapped = gst_bus_timed_pop_filtered(bus, GST_MSECOND * 20, GST_MESSAGE_ELEMENT);
  }
  ASSERT_TRUE(swapped);
  gst_message_unref(swapped);
  gst_harness_push_event(harness, gst_event_new_eos());
  Bytes in, made;
  const std::vector<float> mono = floats(from.in);
  for (const float sample : mono) in = in + bytes_of({sample, sample});
  while (GstBuffer* buffer = gst_harness_try_pull(harness)) {
    const BufferPtr owned(buffer);
    made = read_frames(make_info(audio(2)), buffer);  // the last one is of the last buffer
  }
  ElementRig alone("tsmodel", at(to.file));
  expect_close(made, stream(&alone, 2, in, 5000));
  gst_element_set_bus(harness->element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(model);
  gst_harness_teardown(harness);
}

TEST(TsModelSwap, FollowsAFailedOne) {
  const Swap& swap = kSwaps[0];
  ElementRig rig("tsmodel", at(swap.from));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  const std::vector<std::string> words = listener.words();
  EXPECT_EQ(words[words.size() - 2], "warning");
  rig.set("location", model_path(swap.to));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.take_errors(GST_MESSAGE_WARNING);
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
}

TEST(TsModelSwap, ToTheLastOfSeveral) {
  const Swap& swap = kSwaps[1];
  ElementRig rig("tsmodel", at(swap.from));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  for (const char* file : {"blocks.script.pt", "refused.script.pt", "same3.script.pt", swap.to})
    rig.set("location", model_path(file));
  ASSERT_TRUE(listener.wait_for_loads(4) && listener.wait_for("progress complete"));
  rig.take_errors(GST_MESSAGE_WARNING);  // of the refused one, where it was not given up in time
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST(TsModelSwap, BackToWhatPlaysIsNone) {
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at(f.file));
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 600), 100);
  rig.set("location", model_path("down2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.set("location", model_path(f.file));
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f.out);
  EXPECT_EQ(listener.count("progress start"), 1);
}

// forward() of "outputs" returns 2 x, means of pairs, and [2 x, -2 x].
TEST(TsModelSwap, PropertiesOfOneCallTakeEffectTogether) {
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.take();
  g_object_set(rig.element, "output", 2, "location", model_path("outputs.script.pt").c_str(),
               nullptr);
  ASSERT_TRUE(listener.wait_for("progress complete"));
  EXPECT_EQ(listener.count("progress start"), 1);
  rig.push(make_buffer(info, bytes_of({0.5f, -0.25f}), kStart + time_of(kFixtureFrames)));
  const std::vector<BufferPtr> buffers = rig.take_buffers();
  ASSERT_EQ(buffers.size(), 2u);  // the last frame of same3, too
  expect_close(read_frames(rig.out_info(), buffers[1].get()), bytes_of({1, -1, -0.5f, 0.5f}));
}

// As an application may that is asked who it is for a server and does without.
TEST(TsModelSwap, IsToWhatWasSetLastEvenWithinASetting) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  listener.when("need-context", [&] { rig.set("location", model_path("blocks.script.pt")); });
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.set("location", "https://127.0.0.1:1/model.pt");
  ASSERT_TRUE(listener.wait_for_loads(3)) << "of which the last one counts";
  push_fixture(&rig, "blocks.script.pt", kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, kSwaps[3]);
}

TEST(TsModelSwap, ThatIsNotOverIsOneOfTheNextStart) {
  const Fixture f = fixture("down2.script.pt");
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, "same3.script.pt", 0);
  rig.set("location", model_path(f.file));
  gst_element_set_state(rig.element, GST_STATE_READY);
  const int ended = listener.count("progress complete") + listener.count("progress canceled");
  EXPECT_EQ(ended, 1);
  ASSERT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  expect_close(stream(&rig, f, 100), f.out);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

// Every frame of the audio is in some signal of some model: none of these models changes the
// length.
TEST(TsModelSwap, AnotherThreadMayAskForModelsAllTheTime) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes block = make_noise(info, 100, 1);
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  rig.start(audio(1));
  std::atomic<bool> is_over = false;
  std::thread asking([&] {
    const char* files[] = {"blocks.script.pt", "same3.trace.pt", "in_place.script.pt"};
    for (int i = 0; i < 60; ++i) {
      rig.set("location", i % 7 == 6 ? "/no/such/model.pt" : model_path(files[i % 3]));
      if (i % 5 == 0) g_signal_emit_by_name(rig.element, "reload");
      const int swaps = listener.count("tsmodel-swap");
      for (int ms = 0; i % 2 && ms < 20 && listener.count("tsmodel-swap") == swaps; ++ms)
        g_usleep(1000);
    }
    rig.set("location", model_path("in_place.trace.pt"));
    listener.wait_for("tsmodel-swap", listener.count("tsmodel-swap") + 1);
    is_over = true;
  });
  int64_t blocks = 0;
  for (; !is_over || blocks < 100; ++blocks)
    ASSERT_EQ(rig.push(make_buffer(info, block, time_of(100 * blocks))), GST_FLOW_OK);
  asking.join();
  rig.send_eos();
  EXPECT_EQ(rig.take_frames().size(), block.size() * blocks);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  EXPECT_EQ(gst_structure_get_string(listener.structures("tsmodel-swap").back().get(), "location"),
            model_path("in_place.trace.pt"));
}

// The weights of "heavy" are 33 MB.
TEST(TsModelSwap, ThatIsLoadingHoldsNobodyUpOnTheWayToNull) {
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < 9; ++i) {
    ElementRig rig("tsmodel", at("same3.script.pt"));
    Listener listener(rig.element);
    rig.start(audio(1));
    rig.set("location", model_path("heavy.script.pt"));
    g_usleep(i * 10000);  // into the load
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(gst_element_set_state(rig.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    times.push_back(std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(listener.count("error"), 0);
  }
  EXPECT_LT(median(times), std::chrono::milliseconds(100));
}

/// Asks for a model and leaves while it is loading.
int leave_early() {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), nullptr);
  if (gst_element_set_state(element, GST_STATE_PLAYING) != GST_STATE_CHANGE_SUCCESS) return 1;
  g_object_set(element, "location", model_path("heavy.script.pt").c_str(), nullptr);
  gst_element_set_state(element, GST_STATE_NULL);
  g_usleep(20000);  // until libtorch is at work
  return 0;
}

TEST(TsModelSwap, AProcessMayEndWhileAModelIsLoading) { run_self("--leave-early"); }

class TsModelReload : public testing::Test {
 protected:
  TsModelReload() { write("same3.script.pt"); }

  /// In place, as a copy over it does.
  void write(const std::string& file) {
    fs::copy_file(models() / file, path_, fs::copy_options::overwrite_existing);
  }

  const TemporaryFolder folder_;
  const fs::path path_ = folder_ / "model.pt";
};

TEST_F(TsModelReload, TakesOverWhereTheFileHasAnotherContent) {
  const Swap& swap = kSwaps[0];
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  Listener listener(rig.element);
  rig.start(audio(1));
  push_fixture(&rig, swap.from, 0);
  write(swap.to);
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  push_fixture(&rig, swap.to, kFixtureFrames);
  rig.send_eos();
  expect_swap(&rig, swap);
}

TEST_F(TsModelReload, OfTheSameContentIsNotHeard) {
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  Listener listener(rig.element);
  rig.start(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 600), 100);
  write(f.file);
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, slice(info, f.in, 600, kFixtureFrames - 600), 100, time_of(600));
  rig.send_eos();
  expect_close(rig.take_frames(), f.out);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

TEST_F(TsModelReload, InReadyIsForTheNextStart) {
  ElementRig rig("tsmodel", {{"location", path_.string()}});
  gst_element_set_state(rig.element, GST_STATE_READY);
  write("down2.script.pt");
  g_signal_emit_by_name(rig.element, "reload");
  ASSERT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  const Fixture f = fixture("down2.script.pt");
  expect_close(stream(&rig, f, 100), f.out);
}

}  // namespace
}  // namespace torchstreamer::test

int main(int argc, char** argv) {
  using namespace torchstreamer::test;
  return run_gst_tests(argc, argv, {{"--leave-early", leave_early}});
}
