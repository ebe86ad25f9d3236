// Settings of the call that do not fit the model: a clear error, and the element works with the
// next settings (load_error() expects it).
#include "expect_says.h"
#include "loops.h"

namespace torchstreamer::test {
namespace {

struct Misfit {
  const char* name;
  const char* file;
  Settings settings;
  std::vector<const char*> parts;  ///< of the error
};

const Misfit kMisfits[] = {
    {"HopBeyondTheWindow",
     "blocks/stateful_amp.pt",
     {{"window", "100"}, {"hop", "101"}},
     {"101", "100"}},
    {"NoMethod", "blocks/autoencoder.pt", {{"method", "transcode"}}, {"transcode", "encode"}},
    {"NoArgument",
     "loops/knob.pt",
     {{"window", "100"}, {"inputs", "inputs,gain=1.0,treble=1.0"}},
     {"treble", "gain"}},
    {"NoValue", "loops/knob.pt", {{"window", "100"}}, {"gain"}},
    {"WrongType",
     "loops/knob.pt",
     {{"window", "100"}, {"inputs", "inputs,gain=loud"}},
     {"gain", "loud"}},
    {"NoAttribute",
     "blocks/autoencoder.pt",
     {{"window", "64"}, {"attributes", "attributes,colour=1"}},
     {"the model has no attribute 'colour'", "can be set: gain: float"}},
    {"NoAttributeAtAll",
     "blocks/stateful_amp.pt",
     {{"window", "128"}, {"attributes", "attributes,colour=1"}},
     {"the model has no attribute 'colour'", "can be set: none"}},
    {"NoOutput", "loops/named.pt", {{"output", "spectrum"}}, {"spectrum", "inverse"}},
    {"WrongWindow", "blocks/vad.pt", {{"window", "500"}}, {"Provided number of samples is 500"}},
    {"NoNumber",
     "loops/knob.pt",
     {{"inputs", "inputs,gain=(fraction)1/2"}},
     {"property inputs", "'gain'", "1/2", "GstFraction", "number"}},
    {"NoNumberInAnAttribute",
     "blocks/autoencoder.pt",
     {{"attributes", "attributes,gain=(bitmask)0x3"}},
     {"property attributes", "'gain'", "GstBitmask"}},
};

class TsModelMisfit : public ::testing::TestWithParam<Misfit> {
 protected:
  void expect_parts(const ErrorMessage& error) const {
    for (const char* part : GetParam().parts) EXPECT_SAYS(part, error.text + "\n" + error.debug);
  }
};

TEST_P(TsModelMisfit, IsAClearErrorAndTheElementWorksAgain) {
  expect_parts(load_error(model_path(GetParam().file), GetParam().settings));
}

TEST_P(TsModelMisfit, IsAWarningWhileAModelRuns) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  Listener listener(rig.element);
  ASSERT_TRUE(rig.start(audio(1)));
  const Fixture f = fixture("same3.script.pt");
  const GstAudioInfo info = make_info(audio(1));
  rig.push_all(info, slice(info, f.in, 0, 500), 100);
  g_object_freeze_notify(G_OBJECT(rig.element));  // the properties take effect together
  for (const auto& [name, value] : GetParam().settings) rig.set(name, value);
  rig.set("location", model_path(GetParam().file));
  g_object_thaw_notify(G_OBJECT(rig.element));
  ASSERT_TRUE(listener.wait_for("warning"));
  listener.wait_for_loads(listener.count("progress start"));
  const std::vector<ErrorMessage> warnings = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  expect_parts(warnings[0]);
  rig.push_all(info, slice(info, f.in, 500, kFixtureFrames - 500), 100, time_of(500));
  rig.send_eos();
  expect_close(rig.take_frames(), f);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

INSTANTIATE_TEST_SUITE_P(All, TsModelMisfit, ::testing::ValuesIn(kMisfits),
                         [](const auto& info) { return info.param.name; });

TEST(TsModelWindow, OfNegativeFramesIsNotSet) {
  ElementRig rig("tsmodel", settings_of(kKnob));
  // GLib 2.74 of Debian 12 warns, GLib 2.84 of Debian 13 reports a critical error.
  const bool is_old = glib_check_version(2, 84, 0) != nullptr;
  const GLogLevelFlags level = is_old ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_CRITICAL;
  for (const char* property : {"window", "hop"}) {
    g_test_expect_message("GLib-GObject", level, "*\"-5\"*out of range*");
    rig.set(property, "-5");
    g_test_assert_expected_messages();
  }
  int window_frames = 0;
  g_object_get(rig.element, "window", &window_frames, nullptr);
  EXPECT_EQ(window_frames, 100);
}

// The model of a window is refused as a stream, and the refusal names the property.
TEST(TsModelWindow, OfNoFramesPlansTheModel) {
  const ErrorMessage error = load_error(model_path("blocks/vad.pt"));
  EXPECT_SAYS("window=512", error.text + "\n" + error.debug);
}

}  // namespace
}  // namespace torchstreamer::test
