// tsresample: properties, presets and statistics.
#include <gtest/gtest.h>

#include <cmath>

#include "gst/resample/resample_cases.h"
#include "torchstreamer/error.h"

namespace torchstreamer::test {
namespace {

TEST(TsResample, NewSettingsTakeEffectWithTheNextBuffer) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes first = make_noise(info, 441, 1), second = make_noise(info, 441, 2);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, first, 441);
  rig.count_messages(GST_MESSAGE_LATENCY);
  const GstClockTime latency_ns = rig.latency_ns();
  rig.set("resampling-method", "sinc-interp-kaiser");
  rig.set("lowpass-filter-width", "16");
  rig.set("rolloff", "0.9");
  rig.set("beta", "5");
  rig.push_all(info, second, 441, 10 * GST_MSECOND);
  rig.send_eos();
  audio::ResampleOptions options;
  options.resampling_method = "sinc_interp_kaiser";
  options.lowpass_filter_width = 16;
  options.rolloff = 0.9;
  options.beta = 5;
  Bytes expected = resample(info, first, 48000);
  const Bytes rest = resample(info, second, 48000, options);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(rig.take_frames(), expected);
  EXPECT_GT(rig.latency_ns(), latency_ns);
  EXPECT_EQ(rig.count_messages(GST_MESSAGE_LATENCY), 1);
}

/// Pushes 100 ms of audio, changes the settings and pushes audio at `pts`, optionally after an
/// empty buffer. Returns the first PTS of its output.
GstClockTime start_with_new_settings(bool has_empty_between, GstClockTime pts) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, make_noise(info, 4410, 1), 441);
  const size_t before = rig.take_buffers().size();
  EXPECT_GT(before, 0u);
  rig.set("rolloff", "0.9");
  if (has_empty_between) rig.push(make_buffer(info, {}, GST_SECOND / 10));
  rig.push_all(info, make_noise(info, 4410, 1), 441, pts);
  rig.send_eos();
  for (const BufferPtr& buffer : rig.take_buffers())
    if (has_flag(buffer, GST_BUFFER_FLAG_DISCONT)) return GST_BUFFER_PTS(buffer.get());
  return GST_CLOCK_TIME_NONE;
}

// New settings end the signal; the next one continues at its end, unless the timestamp jumps.
TEST(TsResample, NewSettingsDoNotShiftTimestamps) {
  const GstClockTime due_ns = GST_SECOND / 10, jump_ns = 5 * GST_SECOND;
  for (const GstClockTime jittered_ns :
       {due_ns - 3 * GST_MSECOND, due_ns, due_ns + 3 * GST_MSECOND})
    EXPECT_EQ(start_with_new_settings(false, jittered_ns), due_ns);
  EXPECT_EQ(start_with_new_settings(false, jump_ns), jump_ns);
  EXPECT_EQ(start_with_new_settings(true, jump_ns), jump_ns);
}

TEST(TsResample, HasTheDefaultsOfTorchaudio) {
  ElementRig rig("tsresample");
  const audio::ResampleOptions defaults;
  gint method, width;
  gdouble rolloff, beta;
  g_object_get(rig.element, "resampling-method", &method, "lowpass-filter-width", &width, "rolloff",
               &rolloff, "beta", &beta, nullptr);
  EXPECT_EQ(method, 0);
  EXPECT_EQ(width, defaults.lowpass_filter_width);
  EXPECT_EQ(rolloff, defaults.rolloff);
  EXPECT_EQ(beta, defaults.beta);
}

TEST(TsResample, HasPresets) {
  ElementRig rig("tsresample");
  GstPreset* presets = GST_PRESET(rig.element);
  gchar** names = gst_preset_get_preset_names(presets);
  ASSERT_NE(names, nullptr) << "GST_PRESET_PATH does not contain the presets";
  EXPECT_EQ(g_strv_length(names), 3u);
  g_strfreev(names);
  struct Preset {
    const char* name;
    int method, width;
    double rolloff, beta;
  };
  const double any_beta = audio::ResampleOptions().beta;
  for (const Preset& preset : {Preset{"kaiser-best", 1, 64, 0.9475937167399596, 14.769656459379492},
                               {"kaiser-fast", 1, 16, 0.85, 8.555504641634386},
                               {"torchaudio", 0, 6, 0.99, any_beta}}) {
    rig.set("beta", std::to_string(any_beta));
    ASSERT_TRUE(gst_preset_load_preset(presets, preset.name)) << preset.name;
    gint method, width;
    gdouble rolloff, beta;
    g_object_get(rig.element, "resampling-method", &method, "lowpass-filter-width", &width,
                 "rolloff", &rolloff, "beta", &beta, nullptr);
    EXPECT_EQ(method, preset.method);
    EXPECT_EQ(width, preset.width);
    EXPECT_EQ(rolloff, preset.rolloff);
    EXPECT_NEAR(beta, preset.beta, preset.method == 0 ? 1e-6 : 0) << preset.name;
  }
}

TEST(TsResample, ImpossibleSettingsAreElementErrors) {
  ElementRig rig("tsresample", {{"lowpass-filter-width", "4096"}, {"rolloff", "0.001"}});
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.push(make_buffer(make_info(mono(44100)), Bytes(400), 0)), GST_FLOW_NOT_NEGOTIATED);
  const std::vector<ErrorMessage> errors = rig.take_errors();
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(errors[0].code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(errors[0].text.find("width"), std::string::npos) << errors[0].text;

  gst_element_set_state(rig.element, GST_STATE_NULL);
  rig.set("lowpass-filter-width", "6");
  rig.set("rolloff", "0.99");
  gst_element_set_state(rig.element, GST_STATE_PLAYING);
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  EXPECT_TRUE(rig.start(mono(44100), to_rate(48000)));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

// GStreamer does not set caps again if they equal the last accepted ones.
TEST(TsResample, EarlierCapsWorkAfterCapsThatFailed) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 441, 1);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, noise, 441);
  rig.set("rolloff", "0.001");
  rig.set("lowpass-filter-width", "4096");
  rig.send_caps(mono(16001));
  EXPECT_EQ(rig.push(make_buffer(info, noise, 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_FALSE(rig.take_errors().empty());
  rig.set("lowpass-filter-width", "6");
  rig.set("rolloff", "0.99");
  rig.take();
  EXPECT_TRUE(rig.send_caps(mono(44100)));
  EXPECT_EQ(rig.push_all(info, noise, 441, GST_SECOND), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
  EXPECT_TRUE(rig.take_errors().empty());
}

TEST(TsResample, UnchangedSettingsHaveNoEffect) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 882, 1);
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  rig.push_all(info, slice(info, noise, 0, 441), 441);
  rig.set("lowpass-filter-width", "6");
  rig.set("resampling-method", "sinc-interp-hann");
  rig.push_all(info, slice(info, noise, 441, 441), 441, 10 * GST_MSECOND);
  rig.send_eos();
  EXPECT_EQ(rig.take_frames(), resample(info, noise, 48000));
}

TEST(TsResample, SettingsThatBecomeImpossibleWhilePlayingAreWarnings) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  rig.start(mono(44100), to_rate(48000));
  const Bytes old = make_noise(info, 882, 1), renewed = make_noise(info, 441, 2);
  rig.push_all(info, slice(info, old, 0, 441), 441);
  rig.set("rolloff", "0.001");
  rig.set("lowpass-filter-width", "4096");
  EXPECT_EQ(rig.push_all(info, slice(info, old, 441, 441), 100, 10 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(warnings[0].code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(rig.stat("resets"), 0u);

  rig.set("rolloff", "0.9");
  rig.set("lowpass-filter-width", "16");
  EXPECT_EQ(rig.push_all(info, renewed, 441, 20 * GST_MSECOND), GST_FLOW_OK);
  rig.send_eos();
  audio::ResampleOptions options;
  options.rolloff = 0.9;
  options.lowpass_filter_width = 16;
  Bytes expected = resample(info, old, 48000);
  const Bytes rest = resample(info, renewed, 48000, options);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(rig.take_frames(), expected);
  EXPECT_TRUE(rig.take_errors(GST_MESSAGE_WARNING).empty());
}

/// Output of an element with these properties, set in this order.
Bytes resampled_with(const std::vector<std::pair<std::string, std::string>>& properties,
                     const GstAudioInfo& info, const Bytes& noise, int target_hz) {
  ElementRig rig("tsresample");
  for (const auto& [name, value] : properties) rig.set(name, value);
  rig.start(mono(GST_AUDIO_INFO_RATE(&info)), to_rate(target_hz));
  rig.push_all(info, noise, 441);
  rig.send_eos();
  return rig.take_frames();
}

audio::ResampleOptions kaiser(int width, double rolloff, double beta) {
  return {"sinc_interp_kaiser", width, rolloff, beta};
}

// The widths follow from audio-resampler.c of GStreamer: half the number of taps, times the cut-off
// frequency. Quality 10 has 256 taps, quality 4 has 62.
TEST(TsResample, PropertiesOfAudioresampleSelectAFilter) {
  const GstAudioInfo info = make_info(mono(44100));
  const Bytes noise = make_noise(info, 2000, 1);
  const audio::ResampleOptions best = kaiser(125, 0.975, 0.1102 * (120 - 8.7));
  audio::ResampleOptions shorter = best, hann = best, linear, cubic;
  shorter.lowpass_filter_width = 16;
  hann.resampling_method = "sinc_interp_hann";
  linear.lowpass_filter_width = 1;
  cubic.lowpass_filter_width = 2;
  struct Case {
    std::vector<std::pair<std::string, std::string>> properties;
    audio::ResampleOptions options;
  };
  const Case cases[] = {
      {{{"quality", "10"}}, best},
      {{{"quality", "10"}, {"lowpass-filter-width", "16"}}, shorter},
      {{{"lowpass-filter-width", "16"}, {"quality", "10"}}, shorter},
      {{{"quality", "10"}, {"resampling-method", "sinc-interp-hann"}}, hann},
      {{{"resample-method", "kaiser"}}, kaiser(29, 0.94, 0.1102 * (85 - 8.7))},
      {{{"resample-method", "blackman-nuttall"}, {"quality", "10"}},
       kaiser(77, 0.96, G_PI * std::sqrt(15))},
      {{{"resample-method", "linear"}, {"quality", "10"}}, linear},
      {{{"resample-method", "nearest"}}, linear},
      {{{"resample-method", "cubic"}}, cubic},
      {{{"sinc-filter-mode", "full"},
        {"sinc-filter-auto-threshold", "1"},
        {"sinc-filter-interpolation", "none"}},
       {}},
  };
  for (const Case& c : cases)
    EXPECT_EQ(resampled_with(c.properties, info, noise, 48000),
              resample(info, noise, 48000, c.options))
        << c.properties.front().first << "=" << c.properties.front().second;
}

// audioresample has a lower cut-off frequency for lower rates, up to quality 6.
TEST(TsResample, QualityDependsOnTheDirection) {
  const GstAudioInfo info = make_info(mono(48000));
  const Bytes noise = make_noise(info, 2000, 1);
  EXPECT_EQ(resampled_with({{"quality", "4"}}, info, noise, 44100),
            resample(info, noise, 44100, kaiser(29, 0.94 * 0.97979, 0.1102 * (85 - 8.7))));
}

TEST(TsResample, StatisticsDescribeTheFilter) {
  const GstAudioInfo info = make_info(mono(44100));
  ElementRig rig("tsresample");
  EXPECT_EQ(rig.rate_ratio(), "none") << "before caps";
  rig.start(mono(44100), to_rate(48000));
  EXPECT_EQ(rig.rate_ratio(), "160/147");
  const auto engine = make_engine(info, 48000);
  EXPECT_EQ(rig.stat("look-ahead-frames"),
            static_cast<uint64_t>(engine->timing().look_ahead_frames().ceil()));
  EXPECT_EQ(rig.stat("look-ahead-ns"), rig.latency_ns());
  EXPECT_EQ(rig.stat("receptive-field-frames"),
            static_cast<uint64_t>(engine->timing().receptive_field_frames()));
  EXPECT_EQ(rig.stat("held-bytes"), 0u);
  rig.push_all(info, make_noise(info, 4410, 1), 441);
  // Up to 16 output frames, which are fewer than 16 input frames, are computed together.
  const uint64_t most_frames = rig.stat("receptive-field-frames") + 16;
  EXPECT_GT(rig.stat("held-bytes"), 0u);
  EXPECT_LT(rig.stat("held-bytes"), most_frames * sizeof(float));
  rig.send_eos();
  EXPECT_EQ(rig.stat("held-bytes"), 0u);

  ElementRig passthrough("tsresample");
  passthrough.start(mono(48000), to_rate(48000));
  EXPECT_EQ(passthrough.rate_ratio(), "none");
}

}  // namespace
}  // namespace torchstreamer::test
