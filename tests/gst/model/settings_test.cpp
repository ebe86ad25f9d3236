// tsmodel: files that contain their settings.
#include <gtest/gtest.h>

#include "files/extra_file.h"
#include "gst/model/signals.h"
#include "temporary_folder.h"

namespace torchstreamer::test {
namespace {

class TsModelFileSettings : public testing::Test {
 protected:
  /// Path of a copy of the model "outputs" with these settings.
  std::string copy(const std::string& settings) const {
    const std::string path = (folder_ / "copy.pt").string();
    copy_with_extra_file(model_path("outputs.script.pt"), path, "torchstreamer.json", settings);
    return path;
  }

  const TemporaryFolder folder_;
};

constexpr char kThird[] = R"({"output": "both", "output_names": ["plain", "pairs", "both", "rest"],
                              "sample_rate": 44100, "colour": "red"})";

TEST_F(TsModelFileSettings, NeedNoProperties) {
  const std::vector<float> x = noise(300, 1);
  ElementRig rig("tsmodel", at(copy(kThird)));
  expect_close(stream(&rig, 1, bytes_of(x), 70), expected_outputs(x)[2]);
}

TEST_F(TsModelFileSettings, YieldToProperties) {
  const std::vector<float> x = noise(300, 2);
  for (const auto& [output, index] : {std::pair("plain", 0), {"pairs", 1}, {"0", 0}}) {
    SCOPED_TRACE(output);
    ElementRig rig("tsmodel", at(copy(kThird), {{"output", output}}));
    expect_close(stream(&rig, 1, bytes_of(x), 70), expected_outputs(x)[index]);
  }
}

TEST_F(TsModelFileSettings, FixTheRate) {
  ElementRig rig("tsmodel", at(copy(kThird)));
  GstPad* pad = gst_element_get_static_pad(rig.element, "sink");
  EXPECT_TRUE(gst_pad_query_accept_caps(pad, make_caps(audio(1, 44100)).get()));
  EXPECT_FALSE(gst_pad_query_accept_caps(pad, make_caps(audio(1, 48000)).get()));
  gst_object_unref(pad);
}

TEST_F(TsModelFileSettings, UnknownKeysAreWarnings) {
  ElementRig rig("tsmodel", at(copy(kThird)));
  rig.start(audio(1));
  const std::vector<ErrorMessage> messages = rig.take_errors(GST_MESSAGE_WARNING);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].text.find("unknown key \"colour\""), std::string::npos) << messages[0].text;
}

TEST_F(TsModelFileSettings, ThatAreWrongAreAnError) {
  expect_error(
      load_error(copy(R"({"window": -1})")), GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
      "copy.pt': its torchstreamer.json: key \"window\" is -1; accepted: an integer from 1");
  expect_error(load_error(copy("{")), GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
               "not valid JSON at line 1, column 2");
}

}  // namespace
}  // namespace torchstreamer::test
