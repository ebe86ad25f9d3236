// A program that links the plugins statically and registers them.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gst/support/model_rig.h"

extern "C" {
GST_PLUGIN_STATIC_DECLARE(tsresample);
GST_PLUGIN_STATIC_DECLARE(tsmodel);
}

namespace torchstreamer::test {
namespace {

/// The plugin file of `factory`; "none" if it is linked statically, "unknown" if it does not exist.
std::string origin(const char* factory) {
  GstElementFactory* found = gst_element_factory_find(factory);
  if (!found) return "unknown";
  GstPlugin* plugin = gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(found));
  const char* file = gst_plugin_get_filename(plugin);
  const std::string origin = file ? file : "none";
  gst_object_unref(plugin);
  gst_object_unref(found);
  return origin;
}

TEST(StaticPlugins, RegisterTheElements) {
  gst_init(nullptr, nullptr);
  ASSERT_EQ(origin("tsresample"), "unknown") << "GST_PLUGIN_PATH contains the shared plugins";
  ASSERT_EQ(origin("tsmodel"), "unknown");
  GST_PLUGIN_STATIC_REGISTER(tsresample);
  GST_PLUGIN_STATIC_REGISTER(tsmodel);
  EXPECT_EQ(origin("tsresample"), "none");
  EXPECT_EQ(origin("tsmodel"), "none");

  // Both elements have the same base class in this program.
  ElementRig resample("tsresample"), model("tsmodel", at("same3.script.pt"));
  EXPECT_EQ(g_type_parent(G_OBJECT_TYPE(resample.element)),
            g_type_parent(G_OBJECT_TYPE(model.element)));

  ASSERT_TRUE(resample.start(audio(1, 44100), audio(1, 48000)));
  const GstAudioInfo info = make_info(audio(1, 44100));
  ASSERT_EQ(resample.push_all(info, make_noise(info, 4410, 1), 441), GST_FLOW_OK);
  resample.send_eos();
  EXPECT_EQ(resample.take_frames().size(), 4800 * sizeof(float));

  const Fixture f = fixture("same3.script.pt");
  expect_close(stream(&model, f, 100), f);
}

}  // namespace
}  // namespace torchstreamer::test
