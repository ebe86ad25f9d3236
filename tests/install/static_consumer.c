/* A C program with both elements linked statically, built against the installed files. */
#include <gst/gst.h>

GST_PLUGIN_STATIC_DECLARE(tsresample);
GST_PLUGIN_STATIC_DECLARE(tsmodel);

static const char* is_inside(const char* name) {
  GstElementFactory* factory = gst_element_factory_find(name);
  if (!factory) return "missing";
  GstPlugin* plugin = gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(factory));
  const char* answer = gst_plugin_get_filename(plugin) ? "in a file" : "inside";
  gst_object_unref(plugin);
  gst_object_unref(factory);
  return answer;
}

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER(tsresample);
  GST_PLUGIN_STATIC_REGISTER(tsmodel);
  g_print("tsresample %s, tsmodel %s\n", is_inside("tsresample"), is_inside("tsmodel"));

  GstElement* pipeline = gst_parse_launch(argv[1], NULL);
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage* message =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  g_print("%s\n", message ? GST_MESSAGE_TYPE_NAME(message) : "nothing");
  if (message) gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return 0;
}
