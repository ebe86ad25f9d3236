#include "base/settings.h"

namespace torchstreamer {
namespace {

struct Duration {
  TransformProperty id;
  GstClockTime TransformSettings::*field;
  const char *name, *nick, *blurb;
  GstClockTime most_ns;
  GParamFlags changes;
};

const Duration kDurations[] = {
    {PROP_TOLERANCE, &TransformSettings::tolerance_ns, "tolerance", "Tolerance",
     "How far a buffer may be from where the one before it ended and still continue the signal, in "
     "nanoseconds",
     G_MAXINT64, static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING)},
    {PROP_BLOCK_DURATION, &TransformSettings::block_ns, "block-duration", "Block duration",
     "How much audio is collected and then processed at once, in nanoseconds: more is more "
     "efficient and later; 0 processes what comes as it comes",
     60 * GST_SECOND, static_cast<GParamFlags>(GST_PARAM_MUTABLE_READY)},
    {PROP_PROCESSING_LATENCY, &TransformSettings::processing_latency_ns, "processing-latency",
     "Processing latency",
     "What a live pipeline is told beyond the latency of the stream, for the time that computing "
     "takes, in nanoseconds",
     G_MAXINT64, static_cast<GParamFlags>(GST_PARAM_MUTABLE_PLAYING)}};

const Duration* find(guint id) {
  for (const Duration& duration : kDurations)
    if (duration.id == id) return &duration;
  return nullptr;
}

}  // namespace

void install_transform_properties(GObjectClass* klass) {
  const TransformSettings defaults;
  const auto writable = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  for (const Duration& d : kDurations)
    g_object_class_install_property(
        klass, d.id,
        g_param_spec_uint64(d.name, d.nick, d.blurb, 0, d.most_ns, defaults.*d.field,
                            static_cast<GParamFlags>(writable | d.changes)));
  const auto readable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      klass, PROP_LATENCY,
      g_param_spec_uint64("latency", "Latency",
                          "By how much the output lags behind the input, in nanoseconds", 0,
                          G_MAXUINT64, 0, readable));
  g_object_class_install_property(
      klass, PROP_STATS,
      g_param_spec_boxed("stats", "Statistics",
                         "What was counted since the element left READY: frames, pushes and their "
                         "computing time, ended signals, gaps; while a stream runs, its rate "
                         "ratio, look-ahead, receptive field and memory",
                         GST_TYPE_STRUCTURE, readable));
}

bool set_transform_property(TransformSettings* settings, guint id, const GValue* value) {
  const Duration* duration = find(id);
  if (duration) settings->*duration->field = g_value_get_uint64(value);
  return duration;
}

bool get_transform_property(const TransformSettings& settings, guint id, GValue* value) {
  const Duration* duration = find(id);
  if (duration) g_value_set_uint64(value, settings.*duration->field);
  return duration;
}

}  // namespace torchstreamer
