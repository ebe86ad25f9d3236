// tsmodel with output-mode=message and models that are called block by block: one message for each
// output frame, with the times of its window.
#include "expect_says.h"
#include "loops.h"

namespace torchstreamer::test {
namespace {

guint64 number(const StructurePtr& message, const char* field) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(message.get(), field, &value)) << field;
  return value;
}

Bytes values_of(const std::vector<StructurePtr>& messages) {
  std::vector<float> values;
  for (const StructurePtr& message : messages) {
    const GValue* array = gst_structure_get_value(message.get(), "values");
    for (guint i = 0; i < gst_value_array_get_size(array); ++i)
      values.push_back(g_value_get_float(gst_value_array_get_value(array, i)));
  }
  return bytes_of(values);
}

Settings with_messages(const Loop& loop) { return settings_of(loop, {{"output-mode", "message"}}); }

class TsModelBlockMessages : public ::testing::TestWithParam<Loop> {};

// The value of call c has the window from frame c hop to frame c hop + window, of which the part
// inside the signal is reported.
TEST_P(TsModelBlockMessages, HaveTheValuesOfThePlainLoopAndTheTimesOfTheirWindows) {
  const Loop& loop = GetParam();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    ElementRig rig("tsmodel", with_messages(loop));
    Listener listener(rig.element);
    ASSERT_TRUE(rig.start(audio(1, kLoopHz))) << first_text(rig.take_errors());
    RandomBuffers(&rig, seed).push(loop_signal(), 0, kLoopFrames);
    rig.send_eos();
    const std::vector<StructurePtr> messages = listener.structures("tsmodel");
    expect_close(values_of(messages), loop_output(loop.name));
    for (size_t call = 0; call < messages.size(); ++call) {
      const int64_t begin = call * loop.hop_frames;
      const int64_t end = std::min(begin + loop.window_frames, kLoopFrames);
      EXPECT_EQ(number(messages[call], "timestamp"), kLoopStart + loop_time(begin));
      EXPECT_EQ(number(messages[call], "duration"),
                loop_time(begin + loop.hop_frames) - loop_time(begin));
      EXPECT_EQ(number(messages[call], "window-timestamp"), kLoopStart + loop_time(begin));
      EXPECT_EQ(number(messages[call], "window-duration"), loop_time(end) - loop_time(begin));
    }
  }
}

TEST_P(TsModelBlockMessages, ArePostedWithTheLastFrameOfTheirWindow) {
  const Loop& loop = GetParam();
  const GstAudioInfo info = make_info(audio(1, kLoopHz));
  const Bytes in = loop_signal();
  ElementRig rig("tsmodel", with_messages(loop));
  Listener listener(rig.element);
  ASSERT_TRUE(rig.start(audio(1, kLoopHz)));
  rig.push(make_buffer(info, slice(info, in, 0, loop.window_frames - 1), 0));
  EXPECT_EQ(listener.count("tsmodel"), 0);
  rig.push(make_buffer(info, slice(info, in, loop.window_frames - 1, 1),
                       loop_time(loop.window_frames - 1)));
  EXPECT_EQ(listener.count("tsmodel"), 1);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TsModelBlockMessages, ::testing::ValuesIn(kValueLoops),
                         [](const auto& info) { return info.param.name; });

// The model's own loop is its method audio_forward(). The rate of the caps is the argument `sr`.
TEST(TsModelVad, EqualsItsOwnLoopAtBothRates) {
  for (const auto& [rate_hz, window] : {std::pair(16000, "512"), std::pair(8000, "256")}) {
    SCOPED_TRACE(rate_hz);
    ElementRig rig("tsmodel",
                   at("blocks/vad.pt", {{"window", window}, {"output-mode", "message"}}));
    Listener listener(rig.element);
    ASSERT_TRUE(rig.start(audio(1, rate_hz))) << first_text(rig.take_errors());
    for (int signal = 0; signal < 2; ++signal)
      RandomBuffers(&rig, signal, rate_hz)
          .push(loop_signal(), 0, kLoopFrames, (1 + signal) * 10 * GST_SECOND);
    rig.send_eos();
    const Bytes own = loop_output("vad", "own" + std::to_string(rate_hz));
    expect_close(values_of(listener.structures("tsmodel")), own + own);
  }
}

// Its output rate is not possible in caps. In READY no model is loaded, so any caps are possible.
TEST(TsModelVad, CanBeLinkedInReady) {
  GstElement* model = gst_element_factory_make("tsmodel", nullptr);
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  GstElement* bin = gst_bin_new(nullptr);
  gst_object_ref_sink(bin);
  gst_bin_add_many(GST_BIN(bin), model, sink, nullptr);
  g_object_set(model, "location", model_path("loops/vad_with_settings.pt").c_str(), nullptr);
  ASSERT_EQ(gst_element_set_state(model, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_util_set_object_arg(G_OBJECT(model), "output-mode", "message");
  EXPECT_TRUE(gst_element_link(model, sink));
  gst_element_set_state(bin, GST_STATE_NULL);
  gst_object_unref(bin);
}

TEST(TsModelVad, NeedsNoPropertiesIfItsFileHasSettings) {
  ElementRig rig("tsmodel", at("loops/vad_with_settings.pt", {{"output-mode", "message"}}));
  Listener listener(rig.element);
  rig.start(audio(1, 48000));
  EXPECT_SAYS("takes audio of 16000 Hz", first_text(rig.take_errors()));
  ASSERT_TRUE(rig.start(audio(1, 16000))) << first_text(rig.take_errors());
  RandomBuffers(&rig, 3).push(loop_signal(), 0, kLoopFrames);
  rig.send_eos();
  expect_close(values_of(listener.structures("tsmodel")), loop_output("vad"));
}

}  // namespace
}  // namespace torchstreamer::test
