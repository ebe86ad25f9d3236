// tsmodel: channels=joint and channels=each.
#include <gtest/gtest.h>

#include "gst/model/signals.h"

namespace torchstreamer::test {
namespace {

/// Output channels of a mono element for each of `signals`, one after the other.
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

TEST(TsModelChannels, EachEqualsTheMonoModelOnEveryChannel) {
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

TEST(TsModelChannels, EachSupportsChangesOfTheNumber) {
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

TEST(TsModelChannels, EachIsResetByAFlush) {
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

TEST(TsModelChannels, EachKeepsTheMaskIfItKeepsTheChannels) {
  const std::string surround = "channels=6,channel-mask=(bitmask)0x3f";
  expect_caps_after("same3.script.pt", surround, surround);
  const std::string stereo = "channels=2,channel-mask=(bitmask)0x3";
  expect_caps_after("same3.script.pt", stereo, stereo);
  expect_caps_after("same3.script.pt", "channels=1", "channels=1");
}

TEST(TsModelChannels, EachDropsTheMaskIfItChangesTheChannels) {
  ElementRig rig("tsmodel", at("up3.script.pt", {{"channels", "each"}}));
  rig.start(audio(3, 16000));
  const GstAudioInfo out = rig.out_info();
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), 48000);
  EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), 6);
  EXPECT_TRUE(GST_AUDIO_INFO_IS_UNPOSITIONED(&out));
}

TEST(TsModelChannels, HaveThePositionsOfTheModel) {
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

TEST(TsModelChannels, HaveNoPositionsIfTheMaskDoesNotFit) {
  // One mask is for four channels instead of eight, one has bits without a channel position.
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

TEST(TsModelChannels, EachNeedsAMonoModel) {
  const ErrorMessage error = load_error(model_path("gain2.script.pt"), {{"channels", "each"}});
  for (const char* part : {"takes 2", "each channel", "must take one channel"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS, part);
  expect_error(load_error(model_path("refused_GroupNorm.script.pt"), {{"channels", "each"}}),
               GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "aten::group_norm");
}

TEST(TsModelChannels, EachUsesTheSelectedOutput) {
  const std::vector<float> left = noise(200, 1), right = noise(200, 2);
  ElementRig rig("tsmodel", at("outputs.script.pt", {{"channels", "each"}, {"output", "2"}}));
  std::vector<float> expected;
  for (size_t t = 0; t < left.size(); ++t)
    for (const float v : {left[t], -left[t], right[t], -right[t]}) expected.push_back(2 * v);
  expect_close(stream(&rig, 2, interleaved({left, right}), 33), bytes_of(expected));
}

TEST(TsModelChannels, ErrorOfAMonoModelSuggestsEach) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  rig.start(audio(2));
  EXPECT_NE(first_text(rig.take_errors()).find("channels=each"), std::string::npos);
}

}  // namespace
}  // namespace torchstreamer::test
