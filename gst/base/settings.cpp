#include "base/settings.h"

namespace torchstreamer {
namespace {

/// A longer delay is never needed, and would make pipelines wait for hours.
constexpr GstClockTime kMaxDelayNs = 60 * GST_SECOND;
/// Keeps the end of the timeout in the range of the clock.
constexpr GstClockTime kMaxTimeoutNs = 3600 * GST_SECOND;

struct Duration {
  TransformProperty id;
  GstClockTime TransformSettings::*field;
  const char *name, *nick, *blurb;
  GstClockTime max_ns;
  GParamFlags changes;
};

const Duration kDurations[] = {
    {PROP_TOLERANCE, &TransformSettings::tolerance_ns, "tolerance", "Tolerance",
     "Largest timestamp gap or overlap that still counts as continuous, in nanoseconds", G_MAXINT64,
     static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING)},
    {PROP_DISCONT_WAIT, &TransformSettings::discont_wait_ns, "discont-wait", "Discont wait",
     "Duration for which timestamps must differ by more than tolerance before the signal ends, in "
     "nanoseconds; 0: it ends at once",
     G_MAXINT64, static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING)},
    {PROP_BLOCK_DURATION, &TransformSettings::block_ns, "block-duration", "Block duration",
     "Duration of the blocks in which audio is processed, in nanoseconds: longer blocks need less "
     "computing time and add latency; 0: every buffer as it arrives",
     kMaxDelayNs, static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY)},
    {PROP_PROCESSING_LATENCY, &TransformSettings::processing_latency_ns, "processing-latency",
     "Processing latency",
     "Latency to report in live pipelines in addition to the latency of the stream, for the time "
     "that computing takes, in nanoseconds",
     kMaxDelayNs, static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING)},
    {PROP_FLUSH_TIMEOUT, &TransformSettings::flush_timeout_ns, "flush-timeout", "Flush timeout",
     "Time without input after which the signal ends and its remaining output is pushed, in "
     "nanoseconds; 0: never",
     kMaxTimeoutNs, static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY)}};

const Duration* find(guint id) {
  for (const Duration& duration : kDurations)
    if (duration.id == id) return &duration;
  return nullptr;
}

/// Every element has its own type, because every plugin has its own copy of this code.
GType register_new_segment(GObjectClass* klass) {
  static const GEnumValue values[] = {
      {static_cast<int>(NewSegment::kDrain), "The signal is drained, then a new signal starts",
       "drain"},
      {static_cast<int>(NewSegment::kContinue),
       "The signal continues if the running time does, for loops without a seam", "continue"},
      {0, nullptr, nullptr}};
  g_autofree gchar* name = g_strconcat(G_OBJECT_CLASS_NAME(klass), "NewSegment", nullptr);
  const GType type = g_enum_register_static(name, values);
  gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  return type;
}

}  // namespace

void install_transform_properties(GObjectClass* klass) {
  const TransformSettings defaults;
  const auto writable = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  for (const Duration& d : kDurations)
    g_object_class_install_property(
        klass, d.id,
        g_param_spec_uint64(d.name, d.nick, d.blurb, 0, d.max_ns, defaults.*d.field,
                            static_cast<GParamFlags>(writable | d.changes)));
  g_object_class_install_property(
      klass, PROP_NEW_SEGMENT,
      g_param_spec_enum("new-segment", "New segment",
                        "Treatment of a new segment that follows without a flush, as in a loop",
                        register_new_segment(klass), static_cast<int>(defaults.new_segment),
                        static_cast<GParamFlags>(writable | GST_PARAM_MUTABLE_PLAYING)));
  const auto readable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      klass, PROP_LATENCY,
      g_param_spec_uint64("latency", "Latency", "Latency of the stream in nanoseconds", 0,
                          G_MAXUINT64, 0, readable));
  g_object_class_install_property(
      klass, PROP_STATS,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Counters since the element left READY: frames, pushes and their computing "
          "time, ended signals, gaps; and of the running stream its rate ratio, "
          "look-ahead, receptive field and memory",
          GST_TYPE_STRUCTURE, readable));
}

bool set_transform_property(TransformSettings* settings, guint id, const GValue* value) {
  if (id == PROP_NEW_SEGMENT) {
    settings->new_segment = static_cast<NewSegment>(g_value_get_enum(value));
    return true;
  }
  const Duration* duration = find(id);
  if (duration) settings->*duration->field = g_value_get_uint64(value);
  return duration;
}

bool get_transform_property(const TransformSettings& settings, guint id, GValue* value) {
  if (id == PROP_NEW_SEGMENT) {
    g_value_set_enum(value, static_cast<int>(settings.new_segment));
    return true;
  }
  const Duration* duration = find(id);
  if (duration) g_value_set_uint64(value, settings.*duration->field);
  return duration;
}

}  // namespace torchstreamer
