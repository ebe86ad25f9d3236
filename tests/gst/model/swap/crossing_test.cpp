// tsmodel with swap=cross: limits and messages.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>

#include "gst/model/swap/cross_player.h"

namespace torchstreamer::test {
namespace {

// The signal is long enough for the new model, but the part after the request is not.
TEST(TsModelCrossing, TheOldModelFinishesASignalTooShortForTheNewOne) {
  Player player(kNear);
  player.rig.set("swap-time", "0");
  player.play_to(5000);
  player.ask_for(kLate);
  player.play_to(5400);
  player.rig.send_eos();
  const Signal pushed = part_of(signal_of(player.noise), 0, 5400);
  const std::vector<double> made = known_model(kNear.layers, pushed)[0];
  expect_close(player.rig.take_frames(), bytes_of({made.begin(), made.end()}));
  EXPECT_EQ(player.swaps().size(), 0u);
  EXPECT_EQ(first_text(player.rig.take_errors()), "");
}

// The segment starts at running time 20 s, as after the first of two files.
TEST(TsModelCrossing, HappensAtOnceIfTheSwapTimeIsBeforeTheSegment) {
  Player player(kNear);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 20 * GST_SECOND;
  player.rig.send(gst_event_new_segment(&segment));
  player.rig.set("swap-time", std::to_string(5 * GST_SECOND));
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(kFrames);
  player.rig.send_eos();
  ASSERT_EQ(player.swaps().size(), 1u);
  EXPECT_LE(player.swaps()[0], 1000 + 40);
  player.expect_joined(kNear, kAhead, player.swaps()[0]);
}

TEST(TsModelCrossing, DrainsInASegmentOfBytes) {
  Player player(kNear, {{"swap", "cross"}, {"swap-time", "1000000000"}});
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  player.rig.send(gst_event_new_segment(&segment));
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(kFrames);
  player.rig.send_eos();
  EXPECT_EQ(player.listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(player.rig.take_frames().size(), player.noise.size());
  EXPECT_EQ(player.rig.stat("resets"), 2u) << "the old model was not drained";
}

TEST(TsModelCrossing, DrainsIfTheChannelPositionsChange) {
  ElementRig rig("tsmodel", at("quad.script.pt", {{"swap", "cross"}}));
  Listener listener(rig.element);
  rig.start(audio(1));
  const GstAudioInfo info = make_info(audio(1));
  rig.push_all(info, make_noise(info, 400, 1), 100);
  rig.set("location", model_path("front4.script.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, make_noise(info, 400, 1), 100, time_of(400));
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  const GstAudioInfo out = rig.out_info();
  guint64 mask = 0;
  gst_audio_channel_positions_to_mask(out.position, 4, TRUE, &mask);
  EXPECT_EQ(mask, 0x0fu);
}

TEST(TsModelCrossing, DoesNotHappenIfTheNewModelDoesNotFit) {
  Player player(kNear);
  gst_harness_set_src_caps_str(player.rig.harness, audio(1, kHz).c_str());
  player.play_to(1000);
  player.rig.set("location", model_path("gain2.script.pt"));
  ASSERT_TRUE(player.listener.wait_for("progress complete"));
  player.play_to(kFrames);
  player.rig.send_eos();
  expect_close(player.rig.take_frames(), bytes_of(player.offline(kNear)));
  EXPECT_EQ(player.listener.count("warning"), 1);
  EXPECT_EQ(player.listener.count("error") + player.listener.count("tsmodel-swap"), 0);
}

// Caps that only a third model accepts end the handover: the second model never takes over, and no
// message is posted for it.
TEST(TsModelCrossing, EndsWithTheCapsOfAThirdModel) {
  Player player(kNear);
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(2000);
  player.rig.set("location", model_path("gain2.script.pt"));
  ASSERT_TRUE(player.listener.wait_for("progress complete", 2));
  ASSERT_TRUE(player.rig.send_caps(audio(2, kHz)));
  player.rig.push(make_buffer(make_info(audio(2, kHz)), Bytes(800), kStart + GST_SECOND));
  const std::vector<StructurePtr> swaps = player.listener.structures("tsmodel-swap");
  ASSERT_EQ(swaps.size(), 1u);
  EXPECT_EQ(gst_structure_get_string(swaps[0].get(), "location"), model_path("gain2.script.pt"));
  EXPECT_STREQ(gst_structure_get_string(swaps[0].get(), "digest"),
               gst_structure_get_string(player.rig.stats().get(), "model-digest"));
  EXPECT_EQ(first_text(player.rig.take_errors()), "");
}

// A discontinuity ends the handover; the new model starts with the next signal.
TEST(TsModelCrossing, ADiscontinuityCompletesTheSwap) {
  for (const bool is_flagged : {true, false}) {
    Player player(kNear);
    player.play_to(1000);
    player.ask_for(kAhead);
    player.play_to(2000);
    const GstClockTime jump_pts = kStart + 5 * GST_SECOND;
    BufferPtr buffer = make_buffer(player.info, slice(player.info, player.noise, 0, 100), jump_pts);
    if (is_flagged) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    player.rig.push(std::move(buffer));
    player.rig.send_eos();
    const std::vector<StructurePtr> swaps = player.listener.structures("tsmodel-swap");
    ASSERT_EQ(swaps.size(), 1u) << is_flagged;
    guint64 pts = 0;
    gst_structure_get_uint64(swaps[0].get(), "timestamp", &pts);
    EXPECT_EQ(pts, jump_pts);
  }
}

// The output of known_ahead is exact 16 frames after its first input frame; one more frame is
// allowed for the phase of the model's period.
TEST(TsModelCrossing, WaitsForTheReceptiveFieldOfTheNewModel) {
  constexpr int kSlowHz = 8;
  const GstAudioInfo info = make_info(audio(1, kSlowHz));
  ElementRig rig("tsmodel", at(file_of(kNear), {{"swap", "cross"}}));
  Listener listener(rig.element);
  rig.start(audio(1, kSlowHz));
  rig.push_all(info, make_noise(info, 80, 1), kSlowHz);
  rig.set("location", model_path(file_of(kAhead)));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, make_noise(info, 80, 2), kSlowHz, ns_of(80, kSlowHz));
  rig.send_eos();
  const std::vector<StructurePtr> swaps = listener.structures("tsmodel-swap");
  ASSERT_EQ(swaps.size(), 1u);
  guint64 pts = 0;
  gst_structure_get_uint64(swaps[0].get(), "timestamp", &pts);
  EXPECT_EQ(pts, ns_of(80 + 17, kSlowHz));
}

// The recoveries of the old model stay in the statistics.
TEST(TsModelCrossing, KeepsTheStatistics) {
  ElementRig rig("tsmodel", at("recurrent.script.pt", {{"swap", "cross"}, {"swap-time", "0"}}));
  Listener listener(rig.element);
  rig.start(audio(3));
  const GstAudioInfo info = make_info(audio(3));
  std::vector<float> bad(300, 0.5f);
  bad[4] = NAN;
  rig.push_all(info, bytes_of(bad), 10);
  rig.push_all(info, bytes_of(std::vector<float>(300, 0.5f)), 10, time_of(100));
  const uint64_t recoveries = rig.stat("recoveries");
  ASSERT_GT(recoveries, 0u);
  rig.set("location", model_path("recurrent.trace.pt"));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.push_all(info, make_noise(info, 2000, 1), 100, time_of(200));
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  EXPECT_EQ(rig.stat("recoveries"), recoveries);
  EXPECT_EQ(rig.stat("frames-in"), 2200u);
}

// The frames of the old model are posted first, then those of the new model.
TEST(TsModelCrossing, WorksForMessages) {
  Player player(kNear, {{"swap", "cross"}, {"output-mode", "message"}});
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(kFrames);
  player.rig.send_eos();
  EXPECT_EQ(player.rig.take_frames(), player.noise);
  std::vector<float> posted;
  for (const StructurePtr& frame : player.listener.structures("tsmodel"))
    posted.push_back(g_value_get_float(
        gst_value_array_get_value(gst_structure_get_value(frame.get(), "values"), 0)));
  ASSERT_EQ(player.swaps().size(), 1u);
  std::vector<float> expected = player.offline(kNear);
  const std::vector<float> after = player.offline(kAhead);
  std::copy(after.begin() + player.swaps()[0], after.end(), expected.begin() + player.swaps()[0]);
  expect_close(bytes_of(posted), bytes_of(expected));
}

}  // namespace
}  // namespace torchstreamer::test
