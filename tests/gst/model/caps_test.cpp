// tsmodel: negotiation of caps.
#include <gtest/gtest.h>

#include "expect_says.h"
#include "gst/model/shapes.h"
#include "gst/support/model_rig.h"

namespace torchstreamer::test {
namespace {

/// Caps of the element's pad `pad_name` if the peer of its other pad supports `other_side`.
std::string query_caps(const char* file, const char* pad_name, const std::string& other_side) {
  ElementRig rig("tsmodel", at(file));
  GstPad* pad = gst_element_get_static_pad(rig.element, pad_name);
  if (std::string(pad_name) == "sink")
    gst_harness_set_sink_caps_str(rig.harness, other_side.c_str());
  else
    gst_harness_set_src_caps_str(rig.harness, other_side.c_str());
  const CapsPtr caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  gchar* text = gst_caps_to_string(caps.get());
  const std::string result = text;
  g_free(text);
  return result;
}

void expect_caps(const char* file, const char* other_side, const std::string& expected) {
  const CapsPtr actual = make_caps(query_caps(file, "sink", other_side));
  const CapsPtr wanted =
      make_caps(expected == "EMPTY" ? expected
                                    : std::string("audio/x-raw,layout=interleaved,format=") +
                                          GST_AUDIO_NE(F32) + "," + expected);
  EXPECT_TRUE(gst_caps_is_equal(actual.get(), wanted.get()))
      << file << " before " << other_side << ": " << query_caps(file, "sink", other_side);
}

TEST(TsModel, OffersUpstreamTheCapsThatDownstreamAndTheModelAllow) {
  expect_caps("down2.script.pt", "audio/x-raw,rate=8000", "channels=1,rate=16000");
  expect_caps("down2.script.pt", "audio/x-raw,rate={8000,11025}", "channels=1,rate={16000,22050}");
  expect_caps("down2.script.pt", "audio/x-raw,rate=[100,8000]", "channels=1,rate=[200,16000,2]");
  expect_caps("down2.script.pt", "audio/x-raw,rate=[7,2147483647]",
              "channels=1,rate=[14,2147483646,2]");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000", "channels=1,rate=16000");
  expect_caps("up3.script.pt", "audio/x-raw,rate=[1,100]", "channels=1,rate=[1,33]");
  expect_caps("up3.script.pt", "audio/x-raw,rate=44101", "EMPTY");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000,channels=1", "EMPTY");
  expect_caps("up3.script.pt", "audio/x-raw,rate=48000,channels=2,channel-mask=(bitmask)0x3",
              "channels=1,rate=16000");
  expect_caps("gain2.script.pt", "audio/x-raw,rate=48000,channels={1,2,4}",
              "channels=2,rate=48000");
  expect_caps("gain2.script.pt", "audio/x-raw,rate=48000,channel-mask=(bitmask)0x3",
              "channels=2,rate=48000,channel-mask=(bitmask)0x3");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=[2,5]",
              "channels={2,3,4,5},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=[9,11]",
              "channels={9,10,11},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels={16,64,65}",
              "channels={16,64},rate=48000");
  expect_caps("pointwise.script.pt", "audio/x-raw,rate=48000,channels=1000", "EMPTY");
}

TEST(TsModel, AcceptsManyChannelsIfTheModelAcceptsAnyNumber) {
  const GstAudioInfo info = make_info(audio(64));
  ElementRig rig("tsmodel", at("pointwise.script.pt"));
  ASSERT_TRUE(rig.start(audio(64), "audio/x-raw,channels=[9,64]"));
  EXPECT_EQ(rig.push_all(info, make_noise(info, 500, 1), 100), GST_FLOW_OK);
  rig.send_eos();
  EXPECT_EQ(rig.stat("frames-out"), 500u);
}

TEST(TsModel, SendsDownstreamTheRateAndChannelsOfTheModel) {
  for (const Shape& shape : kShapes) {
    ElementRig rig("tsmodel", at(shape.file));
    rig.start(audio(shape.channels_in, 48000));
    const GstAudioInfo out = rig.out_info();
    EXPECT_EQ(GST_AUDIO_INFO_RATE(&out), 48000 * shape.num / shape.den) << shape.file;
    EXPECT_EQ(GST_AUDIO_INFO_CHANNELS(&out), shape.channels_out) << shape.file;
  }
}

TEST(TsModel, NegotiatesWithoutAPeerDownstream) {
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  g_object_set(element, "location", model_path("down2.script.pt").c_str(), nullptr);
  ASSERT_EQ(change_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  GstHarness* harness = gst_harness_new_with_element(element, "sink", nullptr);
  gst_harness_set_src_caps_str(harness, audio(1, 48000).c_str());
  GstPad* pad = gst_element_get_static_pad(element, "src");
  const CapsPtr caps(gst_pad_get_current_caps(pad));
  GstAudioInfo info;
  ASSERT_TRUE(caps && gst_audio_info_from_caps(&info, caps.get()));
  EXPECT_EQ(GST_AUDIO_INFO_RATE(&info), 24000);
  gst_object_unref(pad);
  gst_harness_teardown(harness);
  gst_object_unref(element);
}

std::string refusal_of_caps(const char* file, const std::string& caps) {
  ElementRig rig("tsmodel", at(file));
  rig.start(caps);
  const std::vector<ErrorMessage> errors = rig.take_errors();
  EXPECT_EQ(errors.size(), 1u);
  if (errors.empty()) return "";
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_EQ(errors[0].code, GST_STREAM_ERROR_FORMAT);
  EXPECT_EQ(rig.push(make_buffer(make_info(caps), Bytes(64), 0)), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_TRUE(rig.take_errors().empty()) << "posted twice";
  EXPECT_TRUE(rig.take_errors(GST_MESSAGE_WARNING).empty()) << "posted twice";
  rig.send(gst_event_new_flush_start());
  rig.send(gst_event_new_flush_stop(TRUE));
  rig.start(caps);
  EXPECT_EQ(rig.take_errors().size(), 1u) << "after a flush";

  gst_element_set_state(rig.element, GST_STATE_NULL);
  const Fixture f = fixture("same3.script.pt");
  rig.set("location", model_path(f.file));
  change_state(rig.element, GST_STATE_PLAYING);
  rig.take_errors();
  expect_close(stream(&rig, f, 100), f);
  EXPECT_EQ(first_text(rig.take_errors()), "");
  return errors[0].text;
}

// The error of the source does not contain the reason.
TEST(TsModel, PostsTheReasonIfUpstreamFindsNoCaps) {
  const std::string model = " ! tsmodel name=model location=" + model_path("same3.script.pt");
  for (const std::string upstream : {"", " ! audioconvert ! audio/x-raw,channels=2", " ! queue"}) {
    const std::string line =
        "audiotestsrc num-buffers=3 ! audio/x-raw,format=" GST_AUDIO_NE(F32) ",channels=2" +
        upstream + model + " ! fakesink";
    SCOPED_TRACE(line);
    GstElement* pipeline = gst_parse_launch(line.c_str(), nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    std::string text, source;
    while (source != "model") {
      GstMessage* message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_ERROR);
      ASSERT_NE(message, nullptr) << "the element posts no error";
      source = GST_OBJECT_NAME(GST_MESSAGE_SRC(message));
      text = parse_error(message).text;
    }
    EXPECT_SAYS("does not take 2 channels but 1", text);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
  }
}

TEST(TsModel, PostsEveryReasonIfUpstreamEndsWithoutCaps) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  GstPad* pad = gst_element_get_static_pad(rig.element, "sink");
  for (const std::string& caps : {audio(2), audio(3)})
    EXPECT_FALSE(gst_pad_query_accept_caps(pad, make_caps(caps).get()));
  gst_object_unref(pad);
  EXPECT_EQ(rig.take_errors(GST_MESSAGE_WARNING).size(), 2u);
  EXPECT_TRUE(rig.take_errors().empty());
  rig.send(gst_event_new_stream_start("test"));
  rig.send_eos();
  std::string texts;
  for (const ErrorMessage& error : rig.take_errors()) texts += error.text;
  for (const char* reason : {"does not take 2 channels", "does not take 3 channels"})
    EXPECT_SAYS(reason, texts);
}

TEST(TsModel, ErrorsSayWhyCapsAreRefused) {
  const std::string channels = refusal_of_caps("same3.script.pt", audio(2));
  EXPECT_SAYS("does not take 2 channels but 1", channels);
  EXPECT_SAYS("audioconvert", channels);
  const std::string rate = refusal_of_caps("down2.script.pt", audio(1, 44101));
  EXPECT_SAYS("44101", rate);
  EXPECT_SAYS("multiple of 2 Hz", rate);
  EXPECT_SAYS("output-mode=message", rate);
  const std::string format =
      refusal_of_caps("same3.script.pt", "audio/x-raw,format=S16LE,channels=1,rate=48000");
  EXPECT_SAYS("audioconvert", format);
  const std::string many = refusal_of_caps("pointwise.script.pt", audio(65));
  EXPECT_SAYS("65 channels but up to 64", many);
}

TEST(TsModel, AcceptsTheCapsThatItOffers) {
  ElementRig rig("tsmodel", at("same3.script.pt"));
  GstPad* pad = gst_element_get_static_pad(rig.element, "sink");
  for (int channels : {1, 2}) {
    const CapsPtr caps = make_caps(audio(channels)), offered(gst_pad_query_caps(pad, caps.get()));
    EXPECT_EQ(gst_pad_query_accept_caps(pad, caps.get()), channels == 1);
    EXPECT_EQ(gst_caps_is_empty(offered.get()), channels != 1);
  }
  gst_object_unref(pad);
  EXPECT_EQ(rig.take_errors(GST_MESSAGE_WARNING).size(), 1u);
  EXPECT_TRUE(rig.take_errors().empty());
}

/// Texts of the errors and warnings on the bus until the pipeline fails or ends.
std::string errors_of(const std::string& launch) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(launch.c_str(), &error);
  if (!pipeline) return std::string("not parsed: ") + error->message;
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::string texts;
  const auto types =
      static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS);
  bool is_over = false;
  while (!is_over) {
    GstMessage* message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, types);
    if (!message) break;
    is_over = GST_MESSAGE_TYPE(message) != GST_MESSAGE_WARNING;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
      gst_message_unref(message);
    else
      texts += parse_error(message).text + "\n";
  }
  EXPECT_TRUE(is_over) << launch << " hangs";
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return texts;
}

TEST(TsModel, ErrorsInPipelinesSayWhyCapsAreRefused) {
  const std::string model = "tsmodel location=" + model_path("same3.script.pt");
  const std::string source = "audiotestsrc num-buffers=5 ! audio/x-raw,rate=48000,";
  const std::string stereo = source + "channels=2,format=" GST_AUDIO_NE(F32);
  for (const char* between : {" ! ", " ! tee ! queue ! ", " ! queue ! identity ! "}) {
    const std::string texts = errors_of(stereo + between + model + " ! fakesink");
    EXPECT_SAYS("does not take 2 channels but 1", texts);
  }
  EXPECT_EQ(errors_of(source + "channels=2,format=S16LE ! audioconvert ! " + model + " ! fakesink"),
            "");
}

}  // namespace
}  // namespace torchstreamer::test
