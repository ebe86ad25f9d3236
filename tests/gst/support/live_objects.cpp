#include "gst/support/live_objects.h"

#include <gst/gst.h>

#include <memory>
#include <stdexcept>

namespace torchstreamer::test {
namespace {

constexpr gulong kGraceUs = G_USEC_PER_SEC / 2;

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};

std::unique_ptr<GstTracer, UnrefObject> find_tracer() {
  GstTracer* found = nullptr;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* t = tracers; t; t = t->next)
    if (std::string(G_OBJECT_TYPE_NAME(t->data)) == "GstLeaksTracer")
      found = GST_TRACER(gst_object_ref(t->data));
  g_list_free_full(tracers, gst_object_unref);
  if (!found)
    throw std::runtime_error(
        "GST_TRACERS does not name the tracer 'leaks', or the plugin coretracers is missing");
  return std::unique_ptr<GstTracer, UnrefObject>(found);
}

bool is_of_registry(const GstStructure* object) {
  const GType type = gst_structure_get_field_type(object, "object");
  return g_type_is_a(type, GST_TYPE_PLUGIN) || g_type_is_a(type, GST_TYPE_PLUGIN_FEATURE);
}

// Runs before main(), and therefore before gst_init() reads the environment.
const bool is_traced = g_setenv("GST_TRACERS", "leaks", /*overwrite=*/FALSE);

}  // namespace

std::map<std::string, int> count_live_objects() {
  const auto tracer = find_tracer();
  // Waits for threads that are about to end: they release objects, too.
  g_usleep(kGraceUs);
  GstStructure* info = nullptr;
  g_signal_emit_by_name(tracer.get(), "get-live-objects", &info);
  const GValue* list = gst_structure_get_value(info, "live-objects-list");
  std::map<std::string, int> counts;
  for (guint i = 0; i < gst_value_list_get_size(list); ++i) {
    const GstStructure* object = gst_value_get_structure(gst_value_list_get_value(list, i));
    if (is_of_registry(object)) continue;
    gchar* text = gst_structure_to_string(object);
    ++counts[text];
    g_free(text);
  }
  // Freeing a list with objects would release references that the list does not own.
  if (gst_value_list_get_size(list) == 0) gst_structure_free(info);
  return counts;
}

}  // namespace torchstreamer::test
