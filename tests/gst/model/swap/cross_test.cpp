// tsmodel with swap=cross: the new model continues in the middle of a signal.
#include <gtest/gtest.h>
#include <tuple>

#include "gst/model/swap/cross_player.h"

namespace torchstreamer::test {
namespace {

using Pair = std::tuple<Known, Known>;

class TsModelCross : public testing::TestWithParam<Pair> {
 protected:
  const Known& from() const { return std::get<0>(GetParam()); }
  const Known& to() const { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Models, TsModelCross,
                         testing::Values(Pair{kAhead, kNear}, Pair{kNear, kAhead},
                                         Pair{kRational, kSmooth}, Pair{kSmooth, kRational}));

TEST_P(TsModelCross, TakesOverWithTheFrameAtARunningTime) {
  for (const char* block_ns : {"0", "7000000"})
    for (const int64_t frames_per_buffer : {1, 100, 1777}) {
      SCOPED_TRACE(testing::Message() << block_ns << " ns by " << frames_per_buffer);
      Player player(from(), {{"swap", "cross"}, {"block-duration", block_ns}});
      player.only_first_is_timed = frames_per_buffer == 100;
      player.rig.send_segment(kStart / 2, GST_CLOCK_TIME_NONE);  // running time starts there
      const int64_t first_in = 14001;
      player.rig.set("swap-time", std::to_string(kStart / 2 + ns_of(first_in, kHz)));
      player.play_to(1000, frames_per_buffer);
      player.ask_for(to());
      player.play_to(kFrames, frames_per_buffer);
      player.rig.send_eos();
      const int64_t first = gst_util_uint64_scale_round(first_in, player.rig.out_info().rate, kHz);
      EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
      player.expect_joined(from(), to(), first);
    }
}

TEST_P(TsModelCross, TakesOverWithTheFrameAtARunningTimeAtAnySpeed) {
  for (const double speed : {0.5, 2.0}) {
    SCOPED_TRACE(speed);
    Player player(from());
    player.rig.send_segment(0, GST_CLOCK_TIME_NONE, speed);
    const int64_t first_in = 14000;
    const auto swap_time = static_cast<GstClockTime>((kStart + ns_of(first_in, kHz)) / speed);
    player.rig.set("swap-time", std::to_string(swap_time));
    player.play_to(1000);
    player.ask_for(to());
    player.play_to(kFrames);
    player.rig.send_eos();
    const int64_t first = gst_util_uint64_scale_round(first_in, player.rig.out_info().rate, kHz);
    EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
    player.expect_joined(from(), to(), first);
  }
}

TEST_P(TsModelCross, TakesOverAfterOneSecondWithoutASwapTime) {
  Player player(from());
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(kFrames);
  player.rig.send_eos();
  const int64_t first = gst_util_uint64_scale_round(1000 + kHz, player.rig.out_info().rate, kHz);
  EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
  player.expect_joined(from(), to(), first);
}

TEST_P(TsModelCross, TakesOverAsSoonAsPossibleAfterTheSwapTime) {
  Player player(from());
  player.rig.set("swap-time", "0");
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(kFrames);
  player.rig.send_eos();
  ASSERT_EQ(player.swaps().size(), 1u);
  const int64_t first = player.swaps()[0];
  EXPECT_LE(first * kHz / player.rig.out_info().rate, 1000 + 40) << "it takes over too late";
  player.expect_joined(from(), to(), first);
}

/// While both models process the signal, the larger latency is reported.
TEST_P(TsModelCross, ReportsTheLatencyOfTheRunningModels) {
  GstClockTime latency_ns[2];
  for (const int i : {0, 1}) latency_ns[i] = Player(i ? to() : from()).rig.latency_ns();
  Player player(from());
  EXPECT_EQ(player.rig.latency_ns(), latency_ns[0]);
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(2000);
  EXPECT_EQ(player.rig.latency_ns(), std::max(latency_ns[0], latency_ns[1]));
  player.play_to(kFrames);
  EXPECT_EQ(player.rig.latency_ns(), latency_ns[1]);
}

TEST_P(TsModelCross, TheOldModelFinishesASignalThatEndsBeforeTheSwap) {
  Player player(from());
  player.rig.set("swap-time", std::to_string(100 * GST_SECOND));
  player.play_to(1000);
  player.ask_for(to());
  player.rig.set("swap-time", std::to_string(GST_CLOCK_TIME_NONE));
  player.play_to(kFrames - 2 * kHz);
  player.rig.send_eos();
  EXPECT_EQ(player.swaps().size(), 0u);
  const Signal in = signal_of(player.noise);
  const auto output_of = [&](const Known& model, int64_t first, int64_t frames) {
    std::vector<float> samples;
    const Signal out = known_model(model.layers, part_of(in, first, frames));
    for (int64_t t = 0; t < frames_of(out); ++t)
      for (const auto& channel : out) samples.push_back(channel[t]);
    return bytes_of(samples);
  };
  expect_close(player.rig.take_frames(), output_of(from(), 0, kFrames - 2 * kHz));

  player.rig.start(audio(1, kHz));
  player.play_to(kFrames - kHz);
  player.rig.send_eos();
  const int64_t first =
      gst_util_uint64_scale_round(kFrames - 2 * kHz, player.rig.out_info().rate, kHz);
  EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
  expect_close(player.rig.take_frames(), output_of(to(), kFrames - 2 * kHz, kHz));
}

// Loops of one second without flushes. The frame of the swap is one frame before the third pass, so
// the old model still runs when that pass begins.
TEST_P(TsModelCross, TakesOverInALoop) {
  Player player(from(), {{"swap", "cross"}, {"new-segment", "continue"}});
  const int64_t first_in = 2 * kHz - 1;
  player.rig.set("swap-time", std::to_string(ns_of(first_in, kHz)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = kStart;
  segment.stop = kStart + GST_SECOND;
  for (int pass = 0; pass < 3; ++pass) {
    segment.base = pass * GST_SECOND;
    player.rig.send(gst_event_new_segment(&segment));
    player.rig.push_all(player.info, slice(player.info, player.noise, pass * kHz, kHz), 100,
                        kStart);
    player.rig.send(gst_event_new_segment_done(GST_FORMAT_TIME, segment.stop));
    if (pass == 0) player.ask_for(to());
  }
  player.rig.send_eos();
  const int out_hz = player.rig.out_info().rate;
  const int64_t first = gst_util_uint64_scale_round(first_in, out_hz, kHz);
  const std::vector<StructurePtr> swaps = player.listener.structures("tsmodel-swap");
  ASSERT_EQ(swaps.size(), 1u);
  guint64 running_time = 0;
  gst_structure_get_uint64(swaps[0].get(), "running-time", &running_time);
  EXPECT_EQ(running_time, ns_of(first, out_hz));
  expect_close(player.rig.take_frames(), bytes_of(player.joined(from(), to(), first)));
}

TEST_P(TsModelCross, EndsWithAFlush) {
  Player player(from());
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(3000);
  player.rig.send(gst_event_new_flush_start());
  player.rig.send(gst_event_new_flush_stop(TRUE));
  player.rig.send_segment(0, GST_CLOCK_TIME_NONE);
  player.rig.take();
  player.at_frame = 0;
  player.play_to(kFrames);
  player.rig.send_eos();
  expect_close(player.rig.take_frames(), bytes_of(player.offline(to())));
  EXPECT_EQ(first_text(player.rig.take_errors()), "");
}

TEST_P(TsModelCross, SwapsBack) {
  Player player(from());
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(2000);
  player.ask_for(from());  // both models process the signal now
  player.play_to(kFrames);
  player.rig.send_eos();
  const std::vector<int64_t> swaps = player.swaps();
  ASSERT_EQ(swaps.size(), 2u);
  const int hz = player.rig.out_info().rate;
  EXPECT_GE(swaps[1], swaps[0] + hz);
  EXPECT_LE(swaps[1], swaps[0] + hz + 200 * hz / kHz) << "the second swap is too late";
  const size_t channels = to().layers.back().channels_out;
  std::vector<float> expected = player.offline(from());
  const std::vector<float> between = player.offline(to());
  std::copy(between.begin() + swaps[0] * channels, between.begin() + swaps[1] * channels,
            expected.begin() + swaps[0] * channels);
  expect_close(player.rig.take_frames(), bytes_of(expected));
}

}  // namespace
}  // namespace torchstreamer::test
