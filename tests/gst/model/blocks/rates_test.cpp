// Sample rates of models: the rate that a model has becomes that of the caps, and the rate of the
// caps becomes an argument of the model.
#include "expect_says.h"
#include "gst/support/player.h"
#include "loops.h"

namespace torchstreamer::test {
namespace {

const char k16000[] = "loops/rated16000.pt", k24000[] = "loops/rated24000.pt";

/// Plays a second at 44100 Hz through tsresample and the model.
Reached play_rated(const std::string& settings) {
  return play(
      "audiotestsrc samplesperbuffer=441 num-buffers=100 ! audio/x-raw,rate=44100 ! "
      "tsresample ! tsmodel location=" +
      model_path(k16000) + " " + settings + " ! fakesink name=end");
}

TEST(TsModelRate, IsNegotiatedWithTsresample) {
  for (const char* settings : {"", "output-mode=message"}) {
    SCOPED_TRACE(settings);
    const Reached reached = play_rated(settings);
    EXPECT_EQ(reached.error, "");
    EXPECT_TRUE(reached.is_eos);
    EXPECT_EQ(reached.frames, 16000);
    EXPECT_SAYS("rate=(int)16000", reached.caps);
  }
}

TEST(TsModelRate, OtherAudioIsRefusedWithTheRemedy) {
  for (const char* mode : {"audio", "message"}) {
    SCOPED_TRACE(mode);
    ElementRig rig("tsmodel", at(k16000, {{"output-mode", mode}}));
    rig.start(audio(1, 48000));
    const std::string text = first_text(rig.take_errors());
    EXPECT_SAYS("takes audio of 16000 Hz, not of 48000 Hz", text);
    EXPECT_SAYS("tsresample", text);
    EXPECT_TRUE(rig.start(audio(1, 16000)));
    EXPECT_EQ(rig.push(make_buffer(make_info(audio(1, 16000)), Bytes(400), 0)), GST_FLOW_OK);
  }
}

// The caps downstream determine the input of a model without a rate, but not of one with a rate.
TEST(TsModelRate, IsTheOnlyRateOfTheCapsQueries) {
  ElementRig rig("tsmodel", at(k16000));
  GstPad* pads[] = {gst_element_get_static_pad(rig.element, "sink"),
                    gst_element_get_static_pad(rig.element, "src")};
  for (GstPad* pad : pads) {
    const CapsPtr caps(gst_pad_query_caps(pad, nullptr));
    int rate_hz = 0;
    EXPECT_TRUE(gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "rate", &rate_hz));
    EXPECT_EQ(rate_hz, 16000);
    gst_object_unref(pad);
  }
}

TEST(TsModelRate, OfTheNextModelIsRequestedFromUpstream) {
  const std::string line = "tsresample ! tsmodel name=model location=" + model_path(k16000);
  GstHarness* harness = make_harness(line);
  GstElement* model = gst_bin_get_by_name(GST_BIN(harness->element), "model");
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(harness->element, bus);
  Listener listener(harness->element);
  gst_harness_set_src_caps_str(harness, audio(1, 48000).c_str());
  const GstAudioInfo info = make_info(audio(1, 48000));
  for (int i = 0; i < 400 && listener.count("tsmodel-swap") == 0; ++i) {
    if (i == 5) g_object_set(model, "location", model_path(k24000).c_str(), nullptr);
    if (i > 5) g_usleep(10000);
    const BufferPtr buffer =
        make_buffer(info, Bytes(480 * 4), gst_util_uint64_scale(i, GST_SECOND, 100));
    ASSERT_EQ(gst_harness_push(harness, gst_buffer_ref(buffer.get())), GST_FLOW_OK);
  }
  EXPECT_EQ(listener.count("tsmodel-swap"), 1);
  const CapsPtr caps(gst_pad_get_current_caps(harness->sinkpad));
  EXPECT_EQ(make_info(text_of(caps)).rate, 24000);
  gst_element_set_bus(harness->element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(model);
  gst_harness_teardown(harness);
}

TEST(TsModelRate, OfTheNextModelMustBeThatOfTheAudioWithoutAResampler) {
  ElementRig rig("tsmodel", at(k16000));
  Listener listener(rig.element);
  ASSERT_TRUE(rig.start(audio(1, 16000)));
  gst_harness_set_src_caps_str(rig.harness, audio(1, 16000).c_str());  // upstream has only these
  const GstAudioInfo info = make_info(audio(1, 16000));
  rig.push(make_buffer(info, bytes_of({1}), 0));
  rig.set("location", model_path(k24000));
  ASSERT_TRUE(listener.wait_for("progress complete"));
  rig.take();
  rig.push(make_buffer(info, bytes_of({0.5f}), loop_time(1)));
  EXPECT_EQ(floats(rig.take_frames()), std::vector<float>{1}) << "the old model continues";
  EXPECT_SAYS("takes audio of 24000 Hz, not of 16000 Hz",
              first_text(rig.take_errors(GST_MESSAGE_WARNING)));
}

TEST(TsModelRate, OfTheCapsIsAnArgumentOfTheModel) {
  ElementRig rig("tsmodel", at("loops/rate_argument.pt"));
  for (const int rate_hz : {8000, 48000, 16000}) {
    SCOPED_TRACE(rate_hz);
    ASSERT_TRUE(rig.start(audio(1, rate_hz))) << first_text(rig.take_errors());
    rig.take();
    rig.push(make_buffer(make_info(audio(1, rate_hz)), bytes_of({1, -2}), 0));
    rig.send_eos();
    const float ratio = rate_hz / 8000.0f;
    expect_close(rig.take_frames(), bytes_of({ratio, -2 * ratio}));
    rig.send(gst_event_new_flush_start());
    rig.send(gst_event_new_flush_stop(TRUE));
  }
}

}  // namespace
}  // namespace torchstreamer::test
