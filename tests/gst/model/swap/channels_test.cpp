// tsmodel: a model with a different number of channels takes over when upstream sends its caps.
#include <gtest/gtest.h>

#include "gst/model/swap/cases.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

/// same3 plays, and a model of two channels is requested; upstream supports any number of channels.
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

  /// Pushes until the wait for the requested caps has timed out, in audio and in wall time.
  void push_until_caps_are_late() {
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

TEST_F(TsModelSwapOfChannels, HappensWithTheRequestedCaps) {
  const GstAudioInfo wide = make_info(audio(2));
  count_reconfigures();
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  EXPECT_EQ(count_reconfigures(), 1);
  CapsPtr caps(gst_pad_peer_query_caps(rig.harness->srcpad, nullptr));
  GstAudioInfo requested;
  EXPECT_TRUE(gst_audio_info_from_caps(&requested, CapsPtr(gst_caps_fixate(caps.release())).get()));
  EXPECT_EQ(requested.channels, 2);
  const CapsPtr flowing = make_caps(audio(1));
  caps.reset(gst_pad_peer_query_caps(rig.harness->srcpad, flowing.get()));
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), flowing.get())) << "the current caps are not offered";
  ASSERT_TRUE(rig.send_caps(audio(1))) << "the current caps are refused";
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);

  ASSERT_TRUE(rig.send_caps(audio(2)));
  const GstClockTime swap_pts = kStart + time_of(3 * kFixtureFrames);
  ASSERT_EQ(rig.push_all(wide, to.in, 100, swap_pts), GST_FLOW_OK);
  rig.send_eos();
  const Halves found = halves(&rig, swap_pts);
  // One signal that repeats the input three times.
  ElementRig alone("tsmodel", at(from.file));
  expect_close(found.before, stream(&alone, 1, from.in + from.in + from.in, 100));
  expect_close(found.after, to);
  const std::vector<StructurePtr> swaps = listener.structures("tsmodel-swap");
  ASSERT_EQ(swaps.size(), 1u);
  guint64 pts = 0;
  gst_structure_get_uint64(swaps[0].get(), "timestamp", &pts);
  EXPECT_EQ(pts, swap_pts);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

TEST_F(TsModelSwapOfChannels, WarnsIfTheCapsAreMissingForTenSeconds) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes noise = make_noise(info, kRateHz / 10, 1);
  const auto push = [&](int tenths) {
    for (int i = 0; i < tenths; ++i)
      ASSERT_EQ(rig.push(make_buffer(info, noise, GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  };
  push(99);
  EXPECT_EQ(listener.count("warning"), 0);
  g_usleep(1100000);  // the least wall time of the wait
  push(130);
  const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].text.find("does not take 1 channel but 2"), std::string::npos);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
}

// For example, the caps may come late through a queue. A model that was requested meanwhile takes
// over afterwards.
TEST_F(TsModelSwapOfChannels, AcceptsTheRequestedCapsAfterANewRequest) {
  const GstAudioInfo wide = make_info(audio(2));
  for (const char* requested : {"same3.script.pt", "down2.script.pt"}) {
    SCOPED_TRACE(requested);
    ElementRig rig("tsmodel", at(from.file));
    Listener listener(rig.element);
    rig.start(audio(1));
    push_fixture(&rig, from.file.c_str(), 0);
    rig.set("location", model_path(to.file));
    ASSERT_TRUE(listener.wait_for("progress complete"));
    push_fixture(&rig, from.file.c_str(), kFixtureFrames);
    rig.set("location", model_path(requested));
    if (requested != from.file) {
      ASSERT_TRUE(listener.wait_for("progress complete", 2));
      push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
    }
    ASSERT_TRUE(rig.send_caps(audio(2)));
    const GstClockTime wide_pts = kStart + GST_SECOND, last_pts = kStart + 2 * GST_SECOND;
    ASSERT_EQ(rig.push_all(wide, to.in, 100, wide_pts), GST_FLOW_OK);
    rig.send_segment(0, GST_CLOCK_TIME_NONE);
    rig.take();
    ASSERT_TRUE(rig.send_caps(audio(1)));
    const Fixture last = fixture(requested);
    ASSERT_EQ(rig.push_all(make_info(audio(1)), last.in, 100, last_pts), GST_FLOW_OK);
    rig.send_eos();
    expect_close(rig.take_frames(), last);
    EXPECT_EQ(
        gst_structure_get_string(listener.structures("tsmodel-swap").back().get(), "location"),
        model_path(requested));
    EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
  }
}

TEST_F(TsModelSwapOfChannels, TheOldModelContinuesAtADifferentRate) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.take();
  ASSERT_TRUE(rig.send_caps(audio(1, 48000)));
  rig.take();
  EXPECT_EQ(rig.push_all(make_info(audio(1, 48000)), from.in, 100, 10 * GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  expect_close(rig.take_frames(), from);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  EXPECT_EQ(listener.count("error"), 0);
}

// No buffer arrives between the requests, so upstream was not asked to reconfigure.
TEST_F(TsModelSwapOfChannels, CapsOfTheNextModelAreForThatModel) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(from.file));
  ASSERT_TRUE(rig.send_caps(audio(2)));
  rig.take();
  ASSERT_TRUE(rig.send_caps(audio(1)));
  EXPECT_EQ(rig.push_all(make_info(audio(1)), from.in, 100, 2 * kStart), GST_FLOW_OK);
  rig.send_eos();
  expect_close(rig.take_frames(), from);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST_F(TsModelSwapOfChannels, RequestedTwiceIsOneSwap) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(from.file));
  rig.set("location", model_path(to.file));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  ASSERT_TRUE(rig.send_caps(audio(2)));
  const GstClockTime swap_pts = kStart + GST_SECOND;
  rig.push_all(make_info(audio(2)), to.in, 100, swap_pts);
  rig.send_eos();
  expect_close(halves(&rig, swap_pts).after, to);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
}

TEST_F(TsModelSwapOfChannels, ANewModelTakesOverIfTheCapsDoNotCome) {
  const Fixture last = fixture("down2.script.pt");
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", model_path(last.file));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  push_until_caps_are_late();
  rig.send_segment(0, GST_CLOCK_TIME_NONE);
  rig.take();
  push_fixture(&rig, last.file.c_str(), 0);
  rig.send_eos();
  expect_close(rig.take_frames(), last);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(listener.count("error") + listener.count("warning"), 0);
}

/// Sends the caps of `to` and expects that it takes over.
void expect_swap_with_caps(ElementRig* rig, const Listener& listener, const Fixture& to) {
  rig->send_segment(0, GST_CLOCK_TIME_NONE);
  rig->take();
  ASSERT_TRUE(rig->send_caps(audio(2)));
  rig->push_all(make_info(audio(2)), to.in, 100);
  rig->send_eos();
  expect_close(rig->take_frames(), to);
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(listener.count("error"), 0);
}

TEST_F(TsModelSwapOfChannels, HappensAfterALaterRequestFailed) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  push_fixture(&rig, from.file.c_str(), 2 * kFixtureFrames);
  count_reconfigures();
  expect_swap_with_caps(&rig, listener, to);
  EXPECT_EQ(count_reconfigures(), 0) << "the old model was requested again";
}

TEST_F(TsModelSwapOfChannels, KeepsWaitingAfterALaterRequestFailed) {
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", "/no/such/model.pt");
  ASSERT_TRUE(listener.wait_for("progress error"));
  push_until_caps_are_late();
  EXPECT_EQ(listener.count("warning"), 2) << "one of the failure, one of the wait";
  expect_swap_with_caps(&rig, listener, to);
}

TEST_F(TsModelSwapOfChannels, IsCancelledIfTheOldModelIsRequestedAgain) {
  const TemporaryFolder folder;
  const fs::path copy = folder / "copy.pt";
  fs::copy_file(model_path(from.file), copy);
  push_fixture(&rig, from.file.c_str(), kFixtureFrames);
  rig.set("location", copy.string());
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  const uint64_t resets = rig.stat("resets");
  push_until_caps_are_late();
  EXPECT_EQ(rig.stat("resets"), resets);
  EXPECT_EQ(listener.count("tsmodel-swap"), 0);
  EXPECT_EQ(listener.count("warning"), 0);
  const CapsPtr caps(gst_pad_peer_query_caps(rig.harness->srcpad, nullptr));
  EXPECT_FALSE(gst_caps_can_intersect(caps.get(), make_caps(audio(2)).get()));
}

// The weights of "heavy2" are 33 MB.
TEST_F(TsModelSwapOfChannels, CancelledModelsAreFreed) {
  const int64_t before_bytes = bytes_in_use();
  if (before_bytes == 0) GTEST_SKIP() << "the allocator does not report its use";
  rig.set("location", model_path("heavy2.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete", 2));
  push_until_caps_are_late();  // heavy2 replaces gain2 and awaits caps
  EXPECT_GT(bytes_in_use(), before_bytes + 30'000'000);
  rig.set("location", model_path(from.file));
  push_until_caps_are_late();
  EXPECT_LT(bytes_in_use(), before_bytes + 5'000'000);
}

// A flush rejects the caps when the model has already taken over; upstream sends them again.
TEST_F(TsModelSwapOfChannels, WorksWithAFlushWhileItsCapsAreSet) {
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
  expect_close(rig.take_frames(), to);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

}  // namespace
}  // namespace torchstreamer::test
