// tsmodel with swap=cross: models that go on where others are, in the middle of a signal. The
// oracle is what each of both makes of the whole signal (KNOWN in make_models.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "listener.h"
#include "model_rig.h"
#include "oracle.h"

namespace torchstreamer::test {
namespace {

constexpr int kHz = 8000;
constexpr int64_t kFrames = 3 * kHz;
constexpr GstClockTime kStart = GST_SECOND;  // of the signal

struct Known {
  const char* name;
  std::vector<KnownLayer> layers;
};

const Known kAhead{"known_ahead", {{false, 1, 1, 33, 1, 16}}};
const Known kLate{"known_late", {{false, 1, 1, 1000, 1, 0}}};
const Known kNear{"known_near", {{false, 1, 1, 5, 1, 2}}};
const Known kRational{"known_rational", {{true, 1, 3, 5, 3, 1}, {false, 3, 2, 8, 2, 3}}};
const Known kSmooth{"known_smooth", {{true, 1, 2, 9, 3, 3}, {false, 2, 2, 16, 2, 7}}};

std::string file_of(const Known& model) { return std::string(model.name) + ".script.pt"; }

GstClockTime ns_of(int64_t frame, int hz) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, hz);
}

Signal signal_of(const Bytes& frames) {
  const std::vector<float> samples = floats(frames);
  return {std::vector<double>(samples.begin(), samples.end())};
}

/// A tsmodel that crosses over, over one signal of noise.
class Player {
 public:
  explicit Player(const Known& from, const Settings& settings = {{"swap", "cross"}})
      : rig("tsmodel", at(file_of(from), settings)), listener(rig.element) {
    rig.start(audio(1, kHz));
  }

  void ask_for(const Known& to) {
    const int known = listener.count("progress complete");
    rig.set("location", model_path(file_of(to)));
    ASSERT_TRUE(listener.wait_for("progress complete", known + 1));
  }

  /// Goes on up to frame `end`.
  void play_to(int64_t end, int64_t frames_per_buffer = 100) {
    const Bytes part = slice(info, noise, at_frame, end - at_frame);
    const bool is_timed = at_frame == 0 || !only_first_is_timed;
    ASSERT_EQ(rig.push_all(info, part, frames_per_buffer,
                           is_timed ? kStart + ns_of(at_frame, kHz) : GST_CLOCK_TIME_NONE),
              GST_FLOW_OK);
    at_frame = end;
  }

  /// What a model makes of all of it, [frames, channels].
  std::vector<float> offline(const Known& model) const {
    const Signal out = known_model(model.layers, signal_of(noise));
    std::vector<float> samples;
    for (int64_t t = 0; t < frames_of(out); ++t)
      for (const auto& channel : out) samples.push_back(channel[t]);
    return samples;
  }

  /// The frames of the output before which models took over, as the messages tell it.
  std::vector<int64_t> swaps() const {
    std::vector<int64_t> frames;
    for (const StructurePtr& told : listener.structures("tsmodel-swap")) {
      guint64 pts = 0;
      gst_structure_get_uint64(told.get(), "timestamp", &pts);
      frames.push_back(gst_util_uint64_scale_round(pts - kStart, rig.out_info().rate, GST_SECOND));
    }
    return frames;
  }

  /// One signal left, without a seam: `from` up to frame `first` of the output, then `to`.
  void expect_joined(const Known& from, const Known& to, int64_t first) {
    const std::vector<float> before = offline(from), after = offline(to);
    const size_t samples = first * to.layers.back().channels_out;
    ASSERT_LT(samples, before.size());
    std::vector<float> expected(before.begin(), before.begin() + samples);
    expected.insert(expected.end(), after.begin() + samples, after.end());
    int64_t frames = 0;
    Bytes made;
    for (const BufferPtr& buffer : rig.take_buffers()) {
      EXPECT_EQ(has_flag(buffer, GST_BUFFER_FLAG_DISCONT), frames == 0);
      EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), kStart + ns_of(frames, rig.out_info().rate));
      const Bytes part = read_frames(rig.out_info(), buffer.get());
      frames += part.size() / rig.out_info().bpf;
      made.insert(made.end(), part.begin(), part.end());
    }
    expect_close(made, bytes_of(expected));
    EXPECT_EQ(first_text(rig.take_errors()), "");
    EXPECT_EQ(first_text(rig.take_errors(GST_MESSAGE_WARNING)), "");
  }

  ElementRig rig;
  Listener listener;
  const GstAudioInfo info = make_info(audio(1, kHz));
  const Bytes noise = make_noise(info, kFrames, 1);
  int64_t at_frame = 0;
  bool only_first_is_timed = false;  // what play_to() pushes first
};

using Pair = std::tuple<Known, Known>;

class TsModelCross : public testing::TestWithParam<Pair> {
 protected:
  const Known& from() const { return std::get<0>(GetParam()); }
  const Known& to() const { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Models, TsModelCross,
                         testing::Values(Pair{kAhead, kNear}, Pair{kNear, kAhead},
                                         Pair{kRational, kSmooth}, Pair{kSmooth, kRational}));

TEST_P(TsModelCross, GoesOnWithTheFrameAtARunningTime) {
  for (const char* block_ns : {"0", "7000000"})
    for (const int64_t frames_per_buffer : {1, 100, 1777}) {
      SCOPED_TRACE(testing::Message() << block_ns << " ns by " << frames_per_buffer);
      Player player(from(), {{"swap", "cross"}, {"block-duration", block_ns}});
      player.only_first_is_timed = frames_per_buffer == 100;
      player.rig.send_segment(kStart / 2, GST_CLOCK_TIME_NONE);  // where running time begins
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

TEST_P(TsModelCross, GoesOnWithTheFrameAtARunningTimeAtAnySpeed) {
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

TEST_P(TsModelCross, ListensForASecondWhereNoTimeIsSet) {
  Player player(from());
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(kFrames);
  player.rig.send_eos();
  const int64_t first = gst_util_uint64_scale_round(1000 + kHz, player.rig.out_info().rate, kHz);
  EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
  player.expect_joined(from(), to(), first);
}

TEST_P(TsModelCross, GoesOnAsSoonAsItCanWhereTheTimeIsOver) {
  Player player(from());
  player.rig.set("swap-time", "0");
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(kFrames);
  player.rig.send_eos();
  ASSERT_EQ(player.swaps().size(), 1u);
  const int64_t first = player.swaps()[0];
  EXPECT_LE(first * kHz / player.rig.out_info().rate, 1000 + 40) << "it waits too long";
  player.expect_joined(from(), to(), first);
}

/// Any latency between that of both is right while both listen, so the larger.
TEST_P(TsModelCross, TellsTheLatencyOfWhatRuns) {
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

TEST_P(TsModelCross, LeavesToTheOldModelASignalThatEndsBefore) {
  Player player(from());
  player.rig.set("swap-time", std::to_string(100 * GST_SECOND));
  player.play_to(1000);
  player.ask_for(to());
  player.rig.set("swap-time", std::to_string(GST_CLOCK_TIME_NONE));
  player.play_to(kFrames - 2 * kHz);
  player.rig.send_eos();
  EXPECT_EQ(player.swaps().size(), 0u);
  const Signal in = signal_of(player.noise);
  const auto made_of = [&](const Known& model, int64_t first, int64_t frames) {
    std::vector<float> samples;
    const Signal out = known_model(model.layers, part_of(in, first, frames));
    for (int64_t t = 0; t < frames_of(out); ++t)
      for (const auto& channel : out) samples.push_back(channel[t]);
    return bytes_of(samples);
  };
  expect_close(player.rig.take_frames(), made_of(from(), 0, kFrames - 2 * kHz));

  player.rig.start(audio(1, kHz));
  player.play_to(kFrames - kHz);
  player.rig.send_eos();
  const int64_t first =
      gst_util_uint64_scale_round(kFrames - 2 * kHz, player.rig.out_info().rate, kHz);
  EXPECT_EQ(player.swaps(), std::vector<int64_t>{first});
  expect_close(player.rig.take_frames(), made_of(to(), kFrames - 2 * kHz, kHz));
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

TEST_P(TsModelCross, BackAgain) {
  Player player(from());
  player.play_to(1000);
  player.ask_for(to());
  player.play_to(2000);
  player.ask_for(from());  // while both listen
  player.play_to(kFrames);
  player.rig.send_eos();
  const std::vector<int64_t> swaps = player.swaps();
  ASSERT_EQ(swaps.size(), 2u);
  const int hz = player.rig.out_info().rate;
  EXPECT_GE(swaps[1], swaps[0] + hz);
  EXPECT_LE(swaps[1], swaps[0] + hz + 200 * hz / kHz) << "the second one waits too long";
  const size_t channels = to().layers.back().channels_out;
  std::vector<float> expected = player.offline(from());
  const std::vector<float> between = player.offline(to());
  std::copy(between.begin() + swaps[0] * channels, between.begin() + swaps[1] * channels,
            expected.begin() + swaps[0] * channels);
  expect_close(player.rig.take_frames(), bytes_of(expected));
}

// It is long enough for the new model, but what that heard of it is not.
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
