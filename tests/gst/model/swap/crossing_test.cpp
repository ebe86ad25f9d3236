// tsmodel with swap=cross: limits, and what is reported.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>

#include "gst/model/swap/cross_player.h"

namespace torchstreamer::test {
namespace {

TEST(TsModelCrossing, LeavesToTheOldModelASignalInWhichTheNewOneHasNoFrameYet) {
  Player player(kNear);
  player.rig.set("swap-time", "0");
  player.play_to(5000);
  player.ask_for(kLate);
  player.play_to(5400);
  player.rig.send_eos();
  const Signal heard = part_of(signal_of(player.noise), 0, 5400);
  const std::vector<double> made = known_model(kNear.layers, heard)[0];
  expect_close(player.rig.take_frames(), bytes_of({made.begin(), made.end()}));
  EXPECT_EQ(player.swaps().size(), 0u);
  EXPECT_EQ(first_text(player.rig.take_errors()), "");
}

// As behind the first of two files: running time 20 s is where the segment begins.
TEST(TsModelCrossing, IsForNowWhereItsTimeWasOverBeforeTheSegmentBegan) {
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

TEST(TsModelCrossing, IsNoneWithoutTime) {
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
  EXPECT_EQ(player.rig.stat("resets"), 2u) << "it should have drained";
}

TEST(TsModelCrossing, DrainsWhereTheChannelsAreHeardElsewhere) {
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

TEST(TsModelCrossing, IsNoneWhereTheNewModelDoesNotFit) {
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

// Audio that only a third model takes ends it: the second one never runs, and is not told.
TEST(TsModelCrossing, GivesWayToAModelWhoseAudioComes) {
  Player player(kNear);
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(2000);
  player.rig.set("location", model_path("gain2.script.pt"));
  ASSERT_TRUE(player.listener.wait_for("progress complete", 2));
  ASSERT_TRUE(player.rig.send_caps(audio(2, kHz)));
  player.rig.push(make_buffer(make_info(audio(2, kHz)), Bytes(800), kStart + GST_SECOND));
  const std::vector<StructurePtr> told = player.listener.structures("tsmodel-swap");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(gst_structure_get_string(told[0].get(), "location"), model_path("gain2.script.pt"));
  EXPECT_STREQ(gst_structure_get_string(told[0].get(), "digest"),
               gst_structure_get_string(player.rig.stats().get(), "model-digest"));
  EXPECT_EQ(first_text(player.rig.take_errors()), "");
}

// It has nothing more to wait for: the new model begins with what comes.
TEST(TsModelCrossing, ThatAJumpEndsIsToldWithTheFrameBehindIt) {
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
    const std::vector<StructurePtr> told = player.listener.structures("tsmodel-swap");
    ASSERT_EQ(told.size(), 1u) << is_flagged;
    guint64 pts = 0;
    gst_structure_get_uint64(told[0].get(), "timestamp", &pts);
    EXPECT_EQ(pts, jump_pts);
  }
}

// 16 frames behind the first one that it hears, known_ahead is exact; one more is allowed for where
// the period of a model begins.
TEST(TsModelCrossing, ListensAsFarBackAsTheModelDoes) {
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
  const std::vector<StructurePtr> told = listener.structures("tsmodel-swap");
  ASSERT_EQ(told.size(), 1u);
  guint64 pts = 0;
  gst_structure_get_uint64(told[0].get(), "timestamp", &pts);
  EXPECT_EQ(pts, ns_of(80 + 17, kSlowHz));
}

// What the old model recovered from is counted on.
TEST(TsModelCrossing, KeepsTheCounts) {
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

// Frames as messages: those of the one model, then those of the other one.
TEST(TsModelCrossing, HoldsForMessages) {
  Player player(kNear, {{"swap", "cross"}, {"output-mode", "message"}});
  player.play_to(1000);
  player.ask_for(kAhead);
  player.play_to(kFrames);
  player.rig.send_eos();
  EXPECT_EQ(player.rig.take_frames(), player.noise);
  std::vector<float> told;
  for (const StructurePtr& frame : player.listener.structures("tsmodel"))
    told.push_back(g_value_get_float(
        gst_value_array_get_value(gst_structure_get_value(frame.get(), "values"), 0)));
  ASSERT_EQ(player.swaps().size(), 1u);
  std::vector<float> expected = player.offline(kNear);
  const std::vector<float> after = player.offline(kAhead);
  std::copy(after.begin() + player.swaps()[0], after.end(), expected.begin() + player.swaps()[0]);
  expect_close(bytes_of(told), bytes_of(expected));
}

}  // namespace
}  // namespace torchstreamer::test
