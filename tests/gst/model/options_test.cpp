// tsmodel: output, padding, refusals and stats.
#include <gtest/gtest.h>
#include <atomic>
#include <thread>

#include "gst/model/signals.h"

namespace torchstreamer::test {
namespace {

TEST(TsModelOutput, SelectsATensorThatForwardReturns) {
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

TEST(TsModelOutput, ThatDoesNotExistIsASettingsError) {
  for (const auto& [file, output, text] :
       {std::tuple("outputs.script.pt", "7", "there is no output 7: the model has 4 outputs"),
        {"same3.script.pt", "1", "there is no output 1: the model has 1 output,"},
        {"same3.trace.pt", "2147483647", "there is no output 2147483647"}})
    expect_error(load_error(model_path(file), {{"output", output}}), GST_LIBRARY_ERROR,
                 GST_LIBRARY_ERROR_SETTINGS, text);
}

TEST(TsModelOutput, ThatCannotBeStreamedIsRefused) {
  const ErrorMessage error = load_error(model_path("outputs.script.pt"), {{"output", "3"}});
  for (const char* part : {"aten::mean", "_models.py:"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
}

TEST(TsModelLayout, IsThatOfTheProperty) {
  const Fixture f = fixture("pointwise.script.pt");
  for (const char* layout : {"auto", "bct", "ct", "btc", "tbc", "tc"}) {
    SCOPED_TRACE(layout);
    ElementRig rig("tsmodel", at(f.file, {{"layout", layout}}));
    expect_close(stream(&rig, f, 100), f);
  }
  expect_error(load_error(model_path("unbatched.script.pt"), {{"layout", "tc"}}), GST_LIBRARY_ERROR,
               GST_LIBRARY_ERROR_FAILED, "basic_models.py:");
}

TEST(TsModelTypes, AnInfoMessageSaysThatHalfPrecisionIsComputedInFloat32) {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  gst_object_ref_sink(element);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  g_object_set(element, "location", model_path("others/half.pt").c_str(), nullptr);
  EXPECT_EQ(change_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_INFO);
  ASSERT_NE(message, nullptr);
  g_autoptr(GError) info = nullptr;
  gst_message_parse_info(message, &info, nullptr);
  EXPECT_NE(std::string(info->message)
                .find("half.pt: the weights are float16; the model is computed in float32."),
            std::string::npos)
      << info->message;
  gst_message_unref(message);
  EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_INFO), nullptr) << "it is reported once";
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
}

// Without padding, the convolutions of the blocks of "residual" lose 1 and 8 frames at each end;
// their skips are cropped alike.
TEST(TsModelPadding, ValidAlignsTheOperandsOfJoins) {
  constexpr int64_t kLostFrames = 9;
  for (const char* file : {"residual.script.pt", "residual.trace.pt"}) {
    const Fixture f = fixture(file);
    const GstAudioInfo info = make_info(audio(f.channels_in));
    const Bytes middle = slice(info, f.out, kLostFrames, kFixtureFrames - 2 * kLostFrames);
    for (int64_t frames_per_buffer : {1, 50, 2000}) {
      SCOPED_TRACE(std::string(file) + " by " + std::to_string(frames_per_buffer));
      ElementRig rig("tsmodel", at(file, {{"padding", "valid"}}));
      expect_close(stream(&rig, f, frames_per_buffer), middle, f.own_error);
    }
  }
}

// Without its padding of 1, the convolution of stride 2 is half an output frame off its skip.
TEST(TsModelPadding, ValidIsRefusedIfOperandsDoNotAlign) {
  const Fixture f = fixture("strided_skip.script.pt");
  ElementRig rig("tsmodel", at(f.file));
  expect_close(stream(&rig, f, 100), f);
  const ErrorMessage error = load_error(model_path(f.file), {{"padding", "valid"}});
  for (const char* part :
       {"aten::add", "basic_models.py:", "without padding", "fraction of a frame"})
    expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
}

TEST(TsModelRefusals, ContainTheCompleteTextOfTheLibrary) {
  const std::pair<const char*, std::vector<const char*>> table[] = {
      {"Circular", {"aten::pad", "refused_models.py:", "circular"}},
      {"Bidirectional", {"aten::lstm", "'rnn'", "bidirectional"}},
      {"Training", {"aten::batch_norm", "'norm'", "eval()"}},
      {"Mismatch", {"aten::add", "refused_models.py:", "differ in length"}},
      {"Raises", {"prim::RaiseException", "expected 40 mel bands"}}};
  for (const auto& [name, parts] : table) {
    const ErrorMessage error =
        load_error(model_path(std::string("refused_") + name + ".script.pt"));
    for (const char* part : parts)
      expect_error(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, part);
  }
}

TEST(TsModelOptions, SetInReadyTakeEffect) {
  const std::vector<float> x = noise(200, 3);
  ElementRig rig("tsmodel", at("outputs.script.pt"));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output", "2");
  rig.set("channels", "each");
  rig.set("padding", "valid");
  g_autofree gchar* output = nullptr;
  g_object_get(rig.element, "output", &output, nullptr);
  EXPECT_STREQ(output, "2");
  ASSERT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  expect_close(stream(&rig, 1, bytes_of(x), 50), expected_outputs(x)[2]);
  EXPECT_EQ(first_text(rig.take_errors()), "");
}

TEST(TsModelOptions, ThatAreInvalidFailTheNextStateChange) {
  ElementRig rig("tsmodel", at("outputs.script.pt"));
  gst_element_set_state(rig.element, GST_STATE_READY);
  rig.set("output", "7");
  EXPECT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(first_text(rig.take_errors()).find("there is no output 7"), std::string::npos);
  rig.set("output", "0");
  EXPECT_EQ(change_state(rig.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
}

struct ExpectedStats {
  const char* file;
  const char* ratio;
  uint64_t look_ahead_frames, receptive_field_frames;
};

TEST(TsModelStats, ContainRatioLookAheadAndReceptiveField) {
  for (const ExpectedStats& expected : {ExpectedStats{"same3.script.pt", "1/1", 1, 3},
                                        {"down2.script.pt", "1/2", 2, 4},
                                        {"up3.script.pt", "3/1", 0, 1},
                                        {"blocks.script.pt", "1/1", 7, 15}}) {
    SCOPED_TRACE(expected.file);
    ElementRig rig("tsmodel", at(expected.file));
    EXPECT_EQ(rig.rate_ratio(), "none") << "before caps";
    rig.start(audio(1));
    EXPECT_EQ(rig.rate_ratio(), expected.ratio);
    EXPECT_EQ(rig.stat("look-ahead-frames"), expected.look_ahead_frames);
    EXPECT_EQ(rig.stat("look-ahead-ns"),
              gst_util_uint64_scale_ceil(expected.look_ahead_frames, GST_SECOND, kRateHz));
    EXPECT_EQ(rig.stat("receptive-field-frames"), expected.receptive_field_frames);
    gst_element_set_state(rig.element, GST_STATE_READY);
    EXPECT_EQ(rig.rate_ratio(), "none") << "after READY";
  }
}

TEST(TsModelStats, MemoryStaysSmallAndIsFreedWithTheSignal) {
  const GstAudioInfo info = make_info(audio(1));
  const Bytes x = make_noise(info, 20000, 1);
  ElementRig rig("tsmodel", at("blocks.script.pt"));
  rig.start(audio(1));
  EXPECT_EQ(rig.stat("held-bytes"), 0u);
  // More frames than are kept for an offline run.
  rig.push_all(info, slice(info, x, 0, 10000), 100);
  const uint64_t held_bytes = rig.stat("held-bytes");
  EXPECT_GT(held_bytes, 0u);
  EXPECT_LT(held_bytes, 160000u);  // mostly working memory
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

// same3 holds one frame back, so a consistent pair of counts always differs by one frame.
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
