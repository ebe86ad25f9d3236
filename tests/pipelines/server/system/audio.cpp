#include "audio.h"

#include <gst/gst.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>

#include "temporary_folder.h"

namespace torchstreamer::test {

std::string signal(const std::string& format, int frames, int channels, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> noise(-0.1f, 0.1f);
  std::string bytes;
  for (int i = 0; i < frames * channels; ++i) {
    const float tone = 0.3f * std::sin(0.07f * static_cast<float>(i / channels % 6283));
    const float value = tone + noise(random);
    const auto integer = static_cast<int16_t>(std::lrint(32767 * value));
    if (format == "S16LE")
      bytes.append(reinterpret_cast<const char*>(&integer), 2);
    else
      bytes.append(reinterpret_cast<const char*>(&value), 4);
  }
  return bytes;
}

std::string play(const std::string& input, const std::string& elements) {
  gst_init(nullptr, nullptr);
  const TemporaryFolder folder;
  std::ofstream(folder / "in", std::ios::binary) << input;
  const std::string line = "filesrc location=" + (folder / "in").string() + " ! " + elements +
                           " ! filesink location=" + (folder / "out").string();
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (error) throw std::runtime_error(line + ": " + error->message);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, 20 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool is_over = message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message) gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  if (!is_over) throw std::runtime_error(line + " has failed");
  return read_text(folder / "out");
}

std::string raw_parser(const std::string& format, int rate, int channels) {
  return std::string("rawaudioparse use-sink-caps=false format=pcm pcm-format=") +
         (format == "S16LE" ? "s16le" : "f32le") + " sample-rate=" + std::to_string(rate) +
         " num-channels=" + std::to_string(channels);
}

std::string session_elements(const std::string& decoder, const std::string& model,
                             const std::string& output) {
  return decoder + " ! audioconvert dithering=none ! tsresample ! tsmodel location=" + model +
         " ! audioconvert dithering=none ! tsresample ! audio/x-raw," + output;
}

}  // namespace torchstreamer::test
