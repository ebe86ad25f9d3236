#include "base/transform.h"

#include <algorithm>
#include <utility>

#include "base/locked_settings.h"
#include "base/settings.h"
#include "process/exit_barrier.h"

using namespace torchstreamer;

GST_DEBUG_CATEGORY(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

struct TsTransformPrivate {
  TsTransformPrivate(GstBaseTransform* element, EngineHost* host)
      : host(host), settings(element), flow(element, host, &settings) {}

  EngineHost* const host;
  LockedSettings<TransformSettings> settings;
  SignalFlow flow;
};

namespace {

GstBaseTransformClass* parent_class = nullptr;

TsTransformPrivate& priv_of(gpointer object) {
  return *reinterpret_cast<TsTransform*>(object)->priv;
}

SignalFlow& flow_of(gpointer object) { return priv_of(object).flow; }

gboolean set_caps(GstBaseTransform* base, GstCaps* in_caps, GstCaps* out_caps) {
  flow_of(base).drain();  // with the old caps: the new caps are pushed after this function
  GstAudioInfo in, out;
  if (!gst_audio_info_from_caps(&in, in_caps) || !gst_audio_info_from_caps(&out, out_caps))
    return FALSE;
  return flow_of(base).open(in, out);
}

GstFlowReturn submit_input_buffer(GstBaseTransform* base, gboolean, GstBuffer* input) {
  g_autoptr(GstBuffer) buffer = input;
  const GstFlowReturn flow = flow_of(base).submit(&buffer);
  if (flow == GST_FLOW_OK) base->queued_buf = std::exchange(buffer, nullptr);
  return flow;
}

/// Pushes the output itself and returns none. After a discontinuity of the input, GstBaseTransform
/// would flag the next buffer returned here as discontinuous, even if output with that flag had
/// already been pushed because of an event.
GstFlowReturn generate_output(GstBaseTransform* base, GstBuffer** out) {
  *out = nullptr;
  GstBuffer* buffer = std::exchange(base->queued_buf, nullptr);
  return buffer ? flow_of(base).process(buffer) : GST_FLOW_OK;
}

/// Never called. If it is set, GstBaseTransform expects output in separate memory: it asks
/// downstream for an allocator and does not offer downstream's allocator to upstream.
GstFlowReturn transform(GstBaseTransform*, GstBuffer*, GstBuffer*) {
  return GST_FLOW_NOT_SUPPORTED;
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  SignalFlow& flow = flow_of(base);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
    case GST_EVENT_EOS:
      flow.drain();
      break;
    case GST_EVENT_SEGMENT:
      if (flow.begin_segment(event)) return TRUE;
      break;
    case GST_EVENT_SEGMENT_DONE:
      if (flow.end_segment(event)) return TRUE;
      break;
    case GST_EVENT_GAP:
      if (!flow.fill_gap(event) || gst_base_transform_is_passthrough(base)) break;
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_FLUSH_START:
      flow.begin_flush();
      break;
    case GST_EVENT_FLUSH_STOP:
      flow.flush();
      break;
    case GST_EVENT_CAPS:
      break;  // set_caps() drains the signal
    default:
      if (flow.queue_event(event)) return TRUE;
  }
  return parent_class->sink_event(base, event);
}

/// Answers with the end of the output. GstBaseTransform does not see the output, because the
/// element pushes it itself.
bool answer_position(GstBaseTransform* base, GstQuery* query) {
  GstFormat format;
  gst_query_parse_position(query, &format, nullptr);
  const GstClockTime position = flow_of(base).position_ns();
  // The segment of the output, which may be earlier than that of the input.
  g_autoptr(GstEvent) event =
      gst_pad_get_sticky_event(GST_BASE_TRANSFORM_SRC_PAD(base), GST_EVENT_SEGMENT, 0);
  if (!event) return false;
  GstSegment segment;
  gst_event_copy_segment(event, &segment);
  if (format != GST_FORMAT_TIME || segment.format != GST_FORMAT_TIME ||
      !GST_CLOCK_TIME_IS_VALID(position))
    return false;
  // The last frame may end after the end of the segment.
  const GstClockTime inside = std::min(std::max(position, segment.start), segment.stop);
  gst_query_set_position(query, format,
                         gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, inside));
  return true;
}

gboolean answer_latency(GstBaseTransform* base, GstQuery* query) {
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(base), query)) return FALSE;
  gboolean is_live;
  GstClockTime min_ns, max_ns;
  gst_query_parse_latency(query, &is_live, &min_ns, &max_ns);
  const guint64 own_ns =
      flow_of(base).stats().latency_ns() + priv_of(base).settings.copy().processing_latency_ns;
  if (GST_CLOCK_TIME_IS_VALID(max_ns)) max_ns += own_ns;
  gst_query_set_latency(query, is_live, min_ns + own_ns, max_ns);
  return TRUE;
}

gboolean query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  const bool is_source = direction == GST_PAD_SRC;
  if (GST_QUERY_TYPE(query) == GST_QUERY_POSITION)
    return answer_position(base, query) ||
           gst_pad_peer_query(
               is_source ? GST_BASE_TRANSFORM_SINK_PAD(base) : GST_BASE_TRANSFORM_SRC_PAD(base),
               query);
  if (is_source && GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return answer_latency(base, query);
  return parent_class->query(base, direction, query);
}

gboolean start(GstBaseTransform* base) { return flow_of(base).start(); }

gboolean stop(GstBaseTransform* base) {
  flow_of(base).stop();
  return TRUE;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  const bool is_set = priv_of(object).settings.change(
      [&](auto* settings) { return set_transform_property(settings, id, value); });
  if (!is_set) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (id == PROP_PROCESSING_LATENCY)
    gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
}

GstStructure* make_stats(gpointer object) {
  GstStructure* stats = flow_of(object).stats().to_structure();
  priv_of(object).host->add_stats(stats);
  return stats;
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  if (id == PROP_LATENCY)
    g_value_set_uint64(value, flow_of(object).stats().latency_ns());
  else if (id == PROP_STATS)
    g_value_take_boxed(value, make_stats(object));
  else if (!get_transform_property(priv_of(object).settings.copy(), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void finalize(GObject* object) {
  delete reinterpret_cast<TsTransform*>(object)->priv;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

void class_init(gpointer klass, gpointer) {
  parent_class = static_cast<GstBaseTransformClass*>(g_type_class_peek_parent(klass));
  GST_DEBUG_CATEGORY_INIT(ts_transform_debug, "tstransform", 0, "torchstreamer element base");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->set_caps = set_caps;
  transform_class->query = query;
  transform_class->sink_event = sink_event;
  transform_class->submit_input_buffer = submit_input_buffer;
  transform_class->generate_output = generate_output;
  transform_class->transform = transform;
}

}  // namespace

GType ts_transform_get_type(const char* name) {
  static const GType type =
      g_type_register_static_simple(GST_TYPE_BASE_TRANSFORM, name, sizeof(TsTransformClass),
                                    class_init, sizeof(TsTransform), nullptr, G_TYPE_FLAG_ABSTRACT);
  return type;
}

void ts_transform_init(TsTransform* self, EngineHost* host) {
  ExitBarrier::watch_main_thread();
  self->priv = new TsTransformPrivate(&self->parent, host);
}

SignalFlow& ts_transform_flow(TsTransform* self) { return self->priv->flow; }
