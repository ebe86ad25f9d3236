#include "gst/support/player.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace torchstreamer::test {
namespace {

GstPadProbeReturn count(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  auto* reached = static_cast<Reached*>(data);
  GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const CapsPtr caps(gst_pad_get_current_caps(pad));
  GstAudioInfo audio;
  const bool is_raw = gst_audio_info_from_caps(&audio, caps.get()) && GST_AUDIO_INFO_BPF(&audio);
  if (!is_raw) return GST_PAD_PROBE_OK;
  reached->caps = text_of(caps);
  reached->frames += gst_buffer_get_size(buffer) / GST_AUDIO_INFO_BPF(&audio);
  if (!GST_CLOCK_TIME_IS_VALID(reached->first_ns)) reached->first_ns = GST_BUFFER_PTS(buffer);
  reached->end_ns = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
  return GST_PAD_PROBE_OK;
}

}  // namespace

std::string text_of(const CapsPtr& caps) {
  gchar* text = gst_caps_to_string(caps.get());
  const std::string result = text;
  g_free(text);
  return result;
}

Reached play(GstElement* pipeline, GstElement* end) {
  Reached reached;
  GstPad* pad = gst_element_get_static_pad(end, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, &reached, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  const auto types = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  GstMessage* message = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, types);
  reached.is_eos = message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message && !reached.is_eos)
    reached.error = parse_error(message).text;
  else if (message)
    gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pad);
  gst_object_unref(bus);
  return reached;
}

Reached play(const std::string& launch) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(launch.c_str(), &error);
  if (!pipeline) {
    Reached reached;
    reached.error = error->message;
    g_error_free(error);
    return reached;
  }
  GstElement* end = gst_bin_get_by_name(GST_BIN(pipeline), "end");
  const Reached reached = play(pipeline, end);
  gst_object_unref(end);
  gst_object_unref(pipeline);
  return reached;
}

void expect_alike(const std::function<Reached(const std::string& element)>& play_with,
                  int64_t exact_frames) {
  const Reached stock = play_with("audioresample"), own = play_with("tsresample");
  ASSERT_TRUE(stock.is_eos) << stock.error;
  ASSERT_TRUE(own.is_eos) << own.error;
  EXPECT_EQ(own.caps, stock.caps);
  EXPECT_EQ(own.end_ns - own.first_ns, GST_SECOND);
  EXPECT_EQ(own.frames, exact_frames);
  EXPECT_LE(std::abs(own.frames - stock.frames), 1000) << "the number of frames differs too much";
}

}  // namespace torchstreamer::test
