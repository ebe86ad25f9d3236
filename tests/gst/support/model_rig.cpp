#include "gst/support/model_rig.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

namespace torchstreamer::test {
namespace {

const GValue* default_of(GstElement* element, const std::string& property) {
  return g_param_spec_get_default_value(
      g_object_class_find_property(G_OBJECT_GET_CLASS(element), property.c_str()));
}

}  // namespace

fs::path models() {
  const char* folder = g_getenv("TORCHSTREAMER_MODELS");
  if (!folder) g_error("TORCHSTREAMER_MODELS does not name the folder of the models");
  return folder;
}

std::string model_path(const std::string& file) { return (models() / file).string(); }

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

std::string audio(int channels, int rate_hz) {
  std::string caps = std::string("audio/x-raw,layout=interleaved,format=") + GST_AUDIO_NE(F32) +
                     ",channels=" + std::to_string(channels) + ",rate=" + std::to_string(rate_hz);
  if (channels > 2) caps += ",channel-mask=(bitmask)0";
  return caps;
}

Fixture fixture(const std::string& file) {
  const std::string name = file.substr(0, file.find('.'));
  Fixture found = {file, read_file(models() / (name + ".in.f32")),
                   read_file(models() / (name + ".out.f32")), 0, 0};
  found.channels_in = found.in.size() / sizeof(float) / kFixtureFrames;
  found.own_error = floats(read_file(models() / (name + ".error.f32"))).at(0);
  return found;
}

int64_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::vector<float> floats(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Bytes bytes_of(const std::vector<float>& values) {
  Bytes bytes(values.size() * sizeof(float));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

void expect_close(const Bytes& actual, const Bytes& expected, double own_error) {
  const std::vector<float> a = floats(actual), e = floats(expected);
  ASSERT_EQ(a.size(), e.size());
  double scale = 0, error = 0;
  for (size_t i = 0; i < e.size(); ++i) {
    ASSERT_TRUE(std::isfinite(a[i]) && std::isfinite(e[i])) << "sample " << i;
    scale = std::max<double>(scale, std::abs(e[i]));
    error = std::max<double>(error, std::abs(a[i] - e[i]));
  }
  EXPECT_LE(error, std::max(1e-6 * scale, 2 * own_error)) << "of " << scale;
}

void expect_close(const Bytes& actual, const Fixture& expected) {
  expect_close(actual, expected.out, expected.own_error);
}

Settings at(const std::string& file, const Settings& more) {
  Settings settings = {{"location", model_path(file)}};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

Bytes stream(ElementRig* rig, int channels, const Bytes& in, int64_t frames_per_buffer) {
  rig->start(audio(channels));
  rig->take();
  EXPECT_EQ(rig->push_all(make_info(audio(channels)), in, frames_per_buffer, GST_SECOND),
            GST_FLOW_OK);
  rig->send_eos();
  return rig->take_frames();
}

Bytes stream(ElementRig* rig, const Fixture& f, int64_t frames_per_buffer) {
  return stream(rig, f.channels_in, f.in, frames_per_buffer);
}

ErrorMessage only_error(GstBus* bus) {
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  EXPECT_NE(message, nullptr);
  EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR), nullptr);
  return message ? parse_error(message) : ErrorMessage();
}

ErrorMessage load_error(const std::string& location, const Settings& more) {
  SCOPED_TRACE(location);
  GstElement* element = gst_element_factory_make("tsmodel", nullptr);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  if (!location.empty()) g_object_set(element, "location", location.c_str(), nullptr);
  for (const auto& [name, value] : more)
    gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
  EXPECT_EQ(change_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const ErrorMessage found = only_error(bus);
  gst_element_set_state(element, GST_STATE_NULL);
  for (const auto& [name, value] : more)
    g_object_set_property(G_OBJECT(element), name.c_str(), default_of(element, name));
  g_object_set(element, "location", model_path("same3.script.pt").c_str(), nullptr);
  EXPECT_EQ(change_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR), nullptr);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
  return found;
}

void expect_error(const ErrorMessage& error, GQuark domain, int code, const std::string& part) {
  EXPECT_EQ(error.domain, domain) << error.text;
  EXPECT_EQ(error.code, code) << error.text;
  EXPECT_NE(error.text.find(part), std::string::npos) << error.text;
}

}  // namespace torchstreamer::test
