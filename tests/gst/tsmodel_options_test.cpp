// tsmodel: how the model of a file runs (output, channels, padding), what is refused and what the
// element tells of its stream.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "model_rig.h"

namespace torchstreamer::test {
namespace {

/// `signals`, [frames] each and equally long, as interleaved frames.
Bytes interleaved(const std::vector<std::vector<float>>& signals) {
  std::vector<float> frames;
  for (size_t t = 0; t < signals[0].size(); ++t)
    for (const auto& signal : signals) frames.push_back(signal[t]);
  return bytes_of(frames);
}

std::vector<float> noise(int64_t frames, unsigned seed) {
  return floats(make_noise(make_info(audio(1)), frames, seed));
}

/// forward() of the model "outputs" returns, with y = 2 x,
///
///     y, (the means of pairs of frames of y, [y, -y] on the channels), y - mean(y)
///
/// the last of which needs the whole signal.
std::vector<Bytes> expected_outputs(const std::vector<float>& x) {
  std::vector<float> y, pairs, negative;
  for (size_t t = 0; t < x.size(); ++t) {
    y.push_back(2 * x[t]);
    negative.push_back(-2 * x[t]);
    if (t % 2 == 1) pairs.push_back(x[t - 1] + x[t]);
  }
  return {bytes_of(y), bytes_of(pairs), interleaved({y, negative})};
}

TEST(TsModelOutput, ChoosesAmongTheTensorsThatForwardReturns) {
  const std::vector<float> x = noise(501, 1);
  const std::vector<Bytes> expected = expected_outputs(x);
  for (int output = 0; output < 3; ++output)
    for (int64_t frames_per_buffer : {1, 7, 1000}) {
      SCOPED_TRACE(std::to_string(output) + " by " + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at("outputs.script.pt", {{"output", std::to_string(output)}}));
      expect_close(stream(&rig, 1, bytes_of(x), frames_per_buffer), expected[output]);
      const GstAudioInfo out = rig.out_info();
      EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), output == 1 ? kRateHz / 2 : kRateHz);
      EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), output == 2 ? 2 : 1);
    }
}

TEST(TsModelOutput, IsTheFirstByDefault) {
  const std::vector<float> x = noise(100, 2);
  ElementRig rig("tsmodel", at("outputs.script.pt"));
  expect_close(stream(&rig, 1, bytes_of(x), 10), expected_outputs(x)[0]);
}

TEST(TsModelOutput, ThatIsNotThereIsASettingThatCannotBe) {
  for (const auto& [file, output, text] :
       {std::tuple("outputs.script.pt", "7", "there is no output 7: forward() returns 4 tensors"),
        {"same3.script.pt", "1", "there is no output 1: forward() returns 1 tensor,"},
        {"same3.trace.pt", "2147483647", "there is no output 2147483647"}})
    expect_error(load_error(model_path(file), {{"output", output}}), GST_LIBRARY_ERROR,
                 GST_LIBRARY_ERROR_SETTINGS, text);
}

TEST(TsModelOutput, ThatCannotBeStreamedIsRefusedAlone) {
  const ErrorMessage error = load_error(model_path("outputs.script.pt"), {{"output", "3"}});
  for (const char* part : {"aten::mean", "_models.py:"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
}

/// What a mono element makes of each of `signals`, its channels one after the other.
std::vector<std::vector<float>> one_by_one(const std::string& file,
                                           const std::vector<std::vector<float>>& signals,
                                           int channels_out) {
  std::vector<std::vector<float>> made;
  for (const auto& signal : signals) {
    ElementRig rig("tsmodel", at(file));
    const std::vector<float> y = floats(stream(&rig, 1, bytes_of(signal), 100));
    for (int c = 0; c < channels_out; ++c) {
      made.emplace_back();
      for (size_t i = c; i < y.size(); i += channels_out) made.back().push_back(y[i]);
    }
  }
  return made;
}

struct Mono {
  const char* file;
  int channels_out;
};

constexpr Mono kMono[] = {
    {"same3.script.pt", 1}, {"down2.trace.pt", 1}, {"up3.script.pt", 2}, {"blocks.script.pt", 1}};

TEST(TsModelChannels, EachEqualsTheModelOnEveryChannelAlone) {
  for (const Mono& mono : kMono) {
    std::vector<std::vector<float>> signals;
    for (int channels = 1; channels <= 3; ++channels) {
      signals.push_back(noise(601, channels));
      const Bytes expected = interleaved(one_by_one(mono.file, signals, mono.channels_out));
      for (int64_t frames_per_buffer : {1, 7, 441}) {
        SCOPED_TRACE(testing::Message()
                     << mono.file << ", " << channels << " channels by " << frames_per_buffer);
        ElementRig rig("tsmodel", at(mono.file, {{"channels", "each"}}));
        expect_close(stream(&rig, channels, interleaved(signals), frames_per_buffer), expected);
        const GstAudioInfo out = rig.out_info();
        EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), channels * mono.channels_out);
        EXPECT_EQ(first_text(rig.take_errors()), "");
      }
    }
  }
}

TEST(TsModelChannels, EachFollowsTheirNumber) {
  ElementRig rig("tsmodel", at("up3.script.pt", {{"channels", "each"}}));
  rig.start(audio(1));
  GstClockTime pts = 0;
  for (const int channels : {1, 2, 6, 1}) {
    const GstAudioInfo info = make_info(audio(channels));
    const Bytes in = make_noise(info, 601, channels);
    ElementRig alone("tsmodel", at("up3.script.pt", {{"channels", "each"}}));
    const Bytes expected = stream(&alone, channels, in, 100);
    ASSERT_TRUE(rig.send_caps(audio(channels)));
    ASSERT_EQ(rig.push_all(info, in, 100, pts), GST_FLOW_OK);
    rig.send_segment(0, GST_CLOCK_TIME_NONE);  // ends the signal
    EXPECT_EQ(rig.out_info().channels, 2 * channels);
    EXPECT_EQ(rig.take_frames(), expected) << channels;
    pts += GST_SECOND;
  }
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST(TsModelChannels, EachIsFreshAfterAFlush) {
  const std::vector<std::vector<float>> signals = {noise(300, 1), noise(300, 2)};
  ElementRig rig("tsmodel", at("blocks.script.pt", {{"channels", "each"}}));
  rig.start(audio(2));
  rig.push_all(make_info(audio(2)), interleaved(signals), 100);
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  expect_close(stream(&rig, 2, interleaved(signals), 100),
               interleaved(one_by_one("blocks.script.pt", signals, 1)));
}

/// The caps after a tsmodel with channels=each that runs `file` on `in`.
std::string caps_after(const std::string& file, const std::string& in) {
  ElementRig rig("tsmodel", at(file, {{"channels", "each"}}));
  rig.start(in);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  GstPad* pad = gst_element_get_static_pad(rig.element, "src");
  const CapsPtr caps(gst_pad_get_current_caps(pad));
  gst_object_unref(pad);
  gchar* text = gst_caps_to_string(caps.get());
  const std::string result = text ? text : "";
  g_free(text);
  return result;
}

void expect_caps_after(const std::string& file, const std::string& in, const std::string& out) {
  const std::string start =
      "audio/x-raw,layout=interleaved,rate=48000,format=" GST_AUDIO_NE(F32) ",";
  const std::string actual = caps_after(file, start + in);
  EXPECT_TRUE(gst_caps_is_equal(make_caps(actual).get(), make_caps(start + out).get())) << actual;
}

TEST(TsModelChannels, EachKeepsTheMaskWhereItKeepsTheChannels) {
  const std::string surround = "channels=6,channel-mask=(bitmask)0x3f";
  expect_caps_after("same3.script.pt", surround, surround);
  const std::string stereo = "channels=2,channel-mask=(bitmask)0x3";
  expect_caps_after("same3.script.pt", stereo, stereo);
  expect_caps_after("same3.script.pt", "channels=1", "channels=1");
}

TEST(TsModelChannels, EachChangesTheMaskWithTheChannels) {
  ElementRig rig("tsmodel", at("up3.script.pt", {{"channels", "each"}}));
  rig.start(audio(3, 16000));
  const GstAudioInfo out = rig.out_info();
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), 48000);
  EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), 6);
  EXPECT_TRUE(GST_AUDIO_INFO_IS_UNPOSITIONED(&out));
}

TEST(TsModelChannels, AreWhereTheModelSays) {
  ElementRig rig("tsmodel", at("quad.script.pt"));
  rig.start(audio(1), "audio/x-raw,channel-mask=(bitmask)0x33");
  const GstAudioInfo out = rig.out_info();
  EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), 4);
  guint64 mask = 0;
  EXPECT_TRUE(gst_audio_channel_positions_to_mask(out.position, 4, TRUE, &mask));
  EXPECT_EQ(mask, 0x33u);
  const CapsPtr taken(gst_pad_peer_query_caps(rig.harness->srcpad, nullptr));
  EXPECT_TRUE(gst_caps_can_intersect(taken.get(), make_caps(audio(1)).get()));
}

TEST(TsModelChannels, HaveNoPositionsWhereTheModelTellsOfOthers) {
  // One is for four channels where there are eight, one has bits that stand for nothing.
  const std::pair<Settings, int> cases[] = {{at("quad.script.pt", {{"channels", "each"}}), 2},
                                            {at("nowhere.script.pt"), 1}};
  for (const auto& [settings, channels] : cases) {
    ElementRig rig("tsmodel", settings);
    rig.start(audio(channels));
    const GstAudioInfo out = rig.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), 4 * channels);
    EXPECT_TRUE(GST_AUDIO_INFO_IS_UNPOSITIONED(&out));
  }
}

TEST(TsModelChannels, EachNeedsAModelThatTakesOne) {
  const ErrorMessage error = load_error(model_path("gain2.script.pt"), {{"channels", "each"}});
  for (const char* part : {"takes 2 channels", "each channel", "must take one"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, part);
  expect_error(load_error(model_path("refused_GroupNorm.script.pt"), {{"channels", "each"}}),
               GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "aten::group_norm");
}

TEST(TsModelChannels, EachTakesTheOutputThatIsChosen) {
  const std::vector<float> left = noise(200, 1), right = noise(200, 2);
  ElementRig rig("tsmodel", at("outputs.script.pt", {{"channels", "each"}, {"output", "2"}}));
  std::vector<float> expected;
  for (size_t t = 0; t < left.size(); ++t)
    for (const float v : {left[t], -left[t], right[t], -right[t]}) expected.push_back(2 * v);
  expect_close(stream(&rig, 2, interleaved({left, right}), 33), bytes_of(expected));
}

TEST(TsModelChannels, JointNamesWhatWouldHelpAMonoModel) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  rig.start(audio(2));
  EXPECT_NE(first_text(rig.take_errors()).find("channels=each"), std::string::npos);
}

// Operands of a join without the padding: residual's blocks lose 1 and 8 frames at either side,
// and their skips with them.
TEST(TsModelPadding, ValidAlignsTheOperandsOfJoins) {
  constexpr int64_t kLostFrames = 9;
  for (const char* file : {"residual.script.pt", "residual.trace.pt"}) {
    const Fixture f = fixture(file);
    const GstAudioInfo info = make_info(audio(f.channels_in));
    const Bytes middle = slice(info, f.out, kLostFrames, kFixtureFrames - 2 * kLostFrames);
    for (int64_t frames_per_buffer : {1, 50, 2000}) {
      SCOPED_TRACE(std::string(file) + " by " + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at(file, {{"padding", "valid"}}));
      expect_close(stream(&rig, f, frames_per_buffer), middle);
    }
  }
}

// Without its padding of 1, the convolution of stride 2 lies half an output frame from its skip.
TEST(TsModelPadding, ValidIsRefusedWhereItHasNoMeaning) {
  const Fixture f = fixture("strided_skip.script.pt");
  ElementRig rig("tsmodel", at(f.file));
  expect_close(stream(&rig, f, 100), f.out);
  const ErrorMessage error = load_error(model_path(f.file), {{"padding", "valid"}});
  for (const char* part :
       {"aten::add", "make_models.py:", "without padding", "fraction of a frame"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
}

TEST(TsModelRefusals, CarryTheLibrarysWholeText) {
  const std::pair<const char*, std::vector<const char*>> table[] = {
      {"Circular", {"aten::pad", "refused_models.py:", "circular"}},
      {"Bidirectional", {"aten::lstm", "'rnn'", "bidirectional"}},
      {"Training", {"aten::batch_norm", "'norm'", "eval()"}},
      {"Mismatch", {"aten::add", "refused_models.py:", "differ in length"}},
      {"Attribute", {"prim::SetAttr", "'count'"}}};
  for (const auto& [name, parts] : table) {
    const ErrorMessage error =
        load_error(model_path(std::string("refused_") + name + ".script.pt"));
    for (const char* part : parts)
      expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
  }
}

TEST(TsModelOptions, OfReadyTakeEffect) {
  const std::vector<float> x = noise(200, 3);
  ElementRig rig("tsmodel", at("outputs.script.pt"));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output", "2");
  rig.set("channels", "each");
  rig.set("padding", "valid");
  int output = 0;
  g_object_get(rig.element, "output", &output, nullptr);
  EXPECT_EQ(output, 2);
  ASSERT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  expect_close(stream(&rig, 1, bytes_of(x), 50), expected_outputs(x)[2]);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST(TsModelOptions, ThatCannotBeMetFailAtTheNextReady) {
  ElementRig rig("tsmodel", at("outputs.script.pt"));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output", "7");
  EXPECT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(first_text(rig.take_errors()).find("there is no output 7"), std::string::npos);
  rig.set("output", "0");
  EXPECT_EQ(gst_element_set_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

struct Told {
  const char* file;
  const char* ratio;
  uint64_t look_ahead_frames, receptive_field_frames;
};

TEST(TsModelStats, TellWhatTheModelNeeds) {
  for (const Told& told : {Told{"same3.script.pt", "1/1", 1, 3},
                           {"down2.script.pt", "1/2", 2, 4},
                           {"up3.script.pt", "3/1", 0, 1},
                           {"blocks.script.pt", "1/1", 7, 15}}) {
    SCOPED_TRACE(told.file);
    ElementRig rig("tsmodel", at(told.file));
    EXPECT_EQ(rig.rate_ratio(), "none") << "before caps";
    rig.start(audio(1));
    EXPECT_EQ(rig.rate_ratio(), told.ratio);
    EXPECT_EQ(rig.stat("look-ahead-frames"), told.look_ahead_frames);
    EXPECT_EQ(rig.stat("look-ahead-ns"),
              gst_util_uint64_scale_ceil(told.look_ahead_frames, GST_SECOND, kRateHz));
    EXPECT_EQ(rig.stat("receptive-field-frames"), told.receptive_field_frames);
    gst_element_set_state(rig.element, GST_STATE_READY);
    EXPECT_EQ(rig.rate_ratio(), "none") << "after READY";
  }
}

TEST(TsModelStats, CountMemoryThatStaysSmallAndGoesWithTheSignal) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes x = make_noise(info, 20000, 1);
  ElementRig rig("tsmodel", at("blocks.script.pt"));
  rig.start(audio(1));
  EXPECT_EQ(rig.stat("held-bytes"), 0u);
  // So long that it is not kept for an offline run any more.
  rig.push_all(info, slice(info, x, 0, 10000), 100);
  const uint64_t held_bytes = rig.stat("held-bytes");
  EXPECT_GT(held_bytes, 0u);
  EXPECT_LT(held_bytes, 160000u);  // most of it what it works in
  rig.push_all(info, slice(info, x, 10000, 10000), 100,
               gst_util_uint64_scale_round(10000, GST_SECOND, kRateHz));
  EXPECT_EQ(rig.stat("held-bytes"), held_bytes);
  EXPECT_EQ(rig.stat("frames-in"), 20000u);
  EXPECT_EQ(rig.stat("frames-out"), 20000u - 7);
  rig.send_eos();
  EXPECT_EQ(rig.stat("frames-out"), 20000u);
  EXPECT_EQ(rig.stat("held-bytes"), 0u);

  ElementRig each("tsmodel", at("blocks.script.pt", {{"channels", "each"}}));
  each.start(audio(3));
  each.push_all(make_info(audio(3)), make_noise(make_info(audio(3)), 10000, 2), 100);
  EXPECT_EQ(each.stat("held-bytes"), 3 * held_bytes);
  each.send(gst_event_new_flush_start());
  each.send(gst_event_new_flush_stop(TRUE));
  EXPECT_EQ(each.stat("held-bytes"), 0u);
}

// same3 keeps one frame back: whoever reads while frames stream sees counts of the same push.
TEST(TsModelStats, AreConsistentForOtherThreads) {
  const GstAudioInfo info = make_info(audio(1));
  ElementRig rig("tsmodel", at("same3.script.pt"));
  rig.start(audio(1));
  std::atomic<bool> is_over = false;
  std::atomic<int> reads = 0, torn = 0;
  std::thread reader([&] {
    while (!is_over) {
      const StructurePtr stats = rig.stats();
      guint64 in = 0, out = 0;
      gst_structure_get_uint64(stats.get(), "frames-in", &in);
      gst_structure_get_uint64(stats.get(), "frames-out", &out);
      if (in - out != (in == 0 ? 0 : 1)) ++torn;
      ++reads;
    }
  });
  const Bytes x = make_noise(info, 10, 1);
  for (int i = 0; i < 2000 || reads < 1000; ++i)
    rig.push(make_buffer(info, x, gst_util_uint64_scale_round(10 * i, GST_SECOND, kRateHz)));
  is_over = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  rig.take();
}

}  // namespace
}  // namespace torchstreamer::test
