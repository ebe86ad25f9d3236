// Behind every test no object of GStreamer may be left. Linked into each program that tests
// elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <string>

namespace torchstreamer::test {
namespace {

constexpr gulong kGraceUs = G_USEC_PER_SEC / 2;

GstTracer* find_tracer() {
  GstTracer* found = nullptr;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* t = tracers; t; t = t->next)
    if (std::string(G_OBJECT_TYPE_NAME(t->data)) == "GstLeaksTracer")
      found = GST_TRACER(gst_object_ref(t->data));
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

/// What lives, one a line, without what GStreamer itself keeps until the end.
std::string live_objects(GstTracer* tracer) {
  GstStructure* info = nullptr;
  g_signal_emit_by_name(tracer, "get-live-objects", &info);
  const GValue* list = gst_structure_get_value(info, "live-objects-list");
  std::string text;
  for (guint i = 0; i < gst_value_list_get_size(list); ++i) {
    gchar* one =
        gst_structure_to_string(gst_value_get_structure(gst_value_list_get_value(list, i)));
    text += std::string(one) + "\n";
    g_free(one);
  }
  gst_structure_free(info);
  return text;
}

class LeakChecker : public ::testing::Environment {
  void TearDown() override {
    if (!gst_is_initialized()) return;  // there was nothing to leak
    GstTracer* tracer = find_tracer();
    ASSERT_NE(tracer, nullptr) << "GST_TRACERS does not name the tracer leaks, or Debian's "
                                  "coretracers plugin is missing";
    // Threads that end let go of things, too; none may do so while they are counted.
    g_usleep(kGraceUs);
    EXPECT_EQ(live_objects(tracer), "") << "these are left behind";
    gst_object_unref(tracer);
  }
};

// Before main(), and so before gst_init() reads the environment.
const bool is_installed = [] {
  g_setenv("GST_TRACERS", "leaks", /*overwrite=*/FALSE);
  ::testing::AddGlobalTestEnvironment(new LeakChecker);
  return true;
}();

}  // namespace
}  // namespace torchstreamer::test
