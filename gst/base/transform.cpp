#include "base/transform.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/buffers.h"
#include "base/exceptions.h"
#include "base/signal_flow.h"

using namespace torchstreamer;

GST_DEBUG_CATEGORY(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace {

GstBaseTransformClass* parent_class = nullptr;

gboolean set_caps(GstBaseTransform* base, GstCaps* in_caps, GstCaps* out_caps) {
  TsTransform* self = ts_transform_cast(base);
  drain(self);  // under the old caps: the new ones go downstream after this function
  GstAudioInfo in, out;
  if (!gst_audio_info_from_caps(&in, in_caps) || !gst_audio_info_from_caps(&out, out_caps))
    return FALSE;
  return open(self, in, out);
}

/// How far a buffer may be from where it is due. In reverse each piece of audio precedes the one
/// before it: within the property's tolerance, short ones would be joined in the wrong order.
GstClockTime jitter_ns(TsTransform* self) {
  if (self->parent.segment.rate >= 0) return copy_settings(self).tolerance_ns;
  return GST_SECOND / 2 / GST_AUDIO_INFO_RATE(&self->priv->flow->in);
}

bool goes_on(TsTransform* self, const GstBuffer* buffer) {
  const bool is_flagged = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) ||
                          GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_RESYNC);
  const Timeline& timeline = self->priv->flow->timeline;
  return !is_flagged && timeline.continues(GST_BUFFER_PTS(buffer), jitter_ns(self));
}

/// Drains where `buffer` does not go on with the signal, or where its engine was outdated.
GstFlowReturn begin_signal(TsTransform* self, GstBuffer* buffer) {
  if (self->priv->wants_new_engine.exchange(false)) {
    const GstFlowReturn flow = renew(self);
    if (flow != GST_FLOW_OK) return flow;
  }
  return goes_on(self, buffer) ? GST_FLOW_OK : drain(self);
}

/// Makes the engine for the caps that flow where that failed before: GstBaseTransform sets caps
/// that come back only if they are others than the last ones that were good.
bool reopen(TsTransform* self) {
  GstAudioInfo in, out;
  const auto read = [](GstPad* pad, GstAudioInfo* info) {
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    return caps && gst_audio_info_from_caps(info, caps);
  };
  return read(GST_BASE_TRANSFORM_SINK_PAD(self), &in) &&
         read(GST_BASE_TRANSFORM_SRC_PAD(self), &out) && open(self, in, out);
}

/// Nothing comes before `pts`: the signal ends, the next one starts there if it does not say more.
GstFlowReturn skip_to(TsTransform* self, GstClockTime pts) {
  const GstFlowReturn result = drain(self);
  if (self->priv->flow) self->priv->flow->timeline.restart(pts);
  return result;
}

/// `*buffer` with the PTS it lacks, clipped to the segment; null where nothing is left.
GstFlowReturn clip(TsTransform* self, GstBuffer** buffer) {
  Flow& flow = *self->priv->flow;
  ts_transform_fill_in_pts(self, buffer);
  flow.arrived_pts = GST_BUFFER_PTS(*buffer);
  const GstSegment* segment = &self->parent.segment;
  const int64_t frames = frames_in(*buffer, flow.in);
  const int hz = GST_AUDIO_INFO_RATE(&flow.in), bpf = GST_AUDIO_INFO_BPF(&flow.in);
  // GStreamer takes the clipping of less than a frame for a programming error.
  if (segment->format != GST_FORMAT_TIME || frames == 0) return GST_FLOW_OK;
  // The duration that matters is that of the frames. Clipping would believe the other one.
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_DURATION(*buffer) = GST_CLOCK_TIME_NONE;
  *buffer = gst_audio_buffer_clip(*buffer, segment, hz, bpf);
  if (*buffer) return GST_FLOW_OK;
  return skip_to(self, flow.arrived_pts + gst_util_uint64_scale_round(frames, GST_SECOND, hz));
}

/// Clips `*buffer`. What is left of it is what the engine hears next.
GstFlowReturn take_in(TsTransform* self, GstBuffer** buffer) {
  const GstFlowReturn flow = clip(self, buffer);
  const auto* klass = ts_transform_class_cast(G_OBJECT_GET_CLASS(self));
  const Flow& state = *self->priv->flow;
  if (flow == GST_FLOW_OK && *buffer && frames_in(*buffer, state.in) > 0 && klass->before_audio)
    klass->before_audio(self, state.timeline.time_of_next(GST_BUFFER_PTS(*buffer)));
  return flow;
}

/// Makes real silence of a buffer that says it has no audio.
bool fill_gap_buffer(TsTransform* self, GstBuffer** buffer) {
  if (!GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_GAP)) return true;
  self->priv->stats.add_gap();
  return guard(GST_ELEMENT(self), Task::kStreaming,
               [&] { make_silent(buffer, self->priv->flow->in); });
}

/// Lets the engine hear `audio`, of which nothing is changed.
GstFlowReturn hear(TsTransform* self, GstBuffer* audio) {
  g_autoptr(GstBuffer) heard = gst_buffer_ref(audio);
  const GstFlowReturn flow = take_in(self, &heard);
  if (flow != GST_FLOW_OK || !heard) return flow;
  return fill_gap_buffer(self, &heard) ? observe(self, heard) : GST_FLOW_ERROR;
}

GstFlowReturn submit_input_buffer(GstBaseTransform* base, gboolean, GstBuffer* input) {
  TsTransform* self = ts_transform_cast(base);
  g_autoptr(GstBuffer) buffer = input;
  std::optional<Flow>& state = self->priv->flow;
  const bool is_amid = state && state->timeline.frames_in() > 0 && goes_on(self, buffer);
  const unsigned flushes = self->priv->flushes;
  if (!gst_base_transform_reconfigure(base)) {
    // A flush that made it fail may be over.
    const bool is_flushed =
        GST_PAD_IS_FLUSHING(GST_BASE_TRANSFORM_SRC_PAD(base)) || self->priv->flushes != flushes;
    return is_flushed ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
  if (!state && !gst_base_transform_is_passthrough(base) && !reopen(self))
    return GST_FLOW_NOT_NEGOTIATED;
  if (state) {
    GstFlowReturn flow = begin_signal(self, buffer);
    // Another engine began another signal: audio goes on where it was, whatever the jitter.
    state->timeline.fix_start(is_amid && flow == GST_FLOW_OK);
    if (flow == GST_FLOW_OK) flow = state->is_aside ? hear(self, buffer) : take_in(self, &buffer);
    if (flow != GST_FLOW_OK) return flow;
  }
  base->queued_buf = std::exchange(buffer, nullptr);
  return GST_FLOW_OK;
}

/// Pushes what comes out by itself. GstBaseTransform would flag the next buffer that it gets from
/// here as a discontinuity where one came in, even if that left with an event meanwhile.
GstFlowReturn generate_output(GstBaseTransform* base, GstBuffer** out) {
  TsTransform* self = ts_transform_cast(base);
  *out = nullptr;
  g_autoptr(GstBuffer) buffer = std::exchange(base->queued_buf, nullptr);
  if (!buffer) return GST_FLOW_OK;
  if (gst_base_transform_is_passthrough(base))
    return push_buffer(self, std::exchange(buffer, nullptr));
  if (!fill_gap_buffer(self, &buffer)) return GST_FLOW_ERROR;
  const GstFlowReturn flow = process(self, buffer);
  return flow == GST_FLOW_OK ? push_departures(self) : flow;
}

/// Never runs. That it exists tells GstBaseTransform that output is memory of its own, so that it
/// asks downstream for an allocator and does not hand downstream's to upstream.
GstFlowReturn transform(GstBaseTransform*, GstBuffer*, GstBuffer*) {
  return GST_FLOW_NOT_SUPPORTED;
}

/// The frames of silence that a gap goes on with the signal by; none where the signal ends with it:
/// in reverse, where it is somewhere else, and where nothing of the signal is left behind it.
std::optional<int64_t> gap_frames(TsTransform* self, GstClockTime pts, GstClockTime duration) {
  const std::optional<Flow>& flow = self->priv->flow;
  const GstSegment& segment = self->parent.segment;
  if (!flow || flow->timeline.frames_in() == 0 || segment.rate < 0 ||
      !GST_CLOCK_TIME_IS_VALID(duration) || !flow->timeline.continues(pts, jitter_ns(self)))
    return {};
  const int64_t frames = flow->timeline.frames_until(std::min(pts + duration, segment.stop));
  if (frames >= flow->memory_frames) return {};
  return std::max<int64_t>(0, frames);
}

/// Runs the silence of a short gap through the engine, or ends the signal before a long one, which
/// is then to be forwarded. Returns whether it was a short one.
bool fill_gap(TsTransform* self, GstEvent* event) {
  GstClockTime pts, duration;
  gst_event_parse_gap(event, &pts, &duration);
  self->priv->stats.add_gap();
  const std::optional<int64_t> frames = gap_frames(self, pts, duration);
  if (!frames) {
    skip_to(self, GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts);
    return false;
  }
  g_autoptr(GstBuffer) silence = nullptr;
  if (guard(GST_ELEMENT(self), Task::kStreaming,
            [&] { silence = make_silence(self->priv->flow->in, *frames); }))
    process(self, silence);
  push_departures(self);
  return true;
}

/// Keeps a serialised event until the frames before it left. Takes it where it does.
bool hold(TsTransform* self, GstEvent* event) {
  std::optional<Flow>& flow = self->priv->flow;
  if (!GST_EVENT_IS_SERIALIZED(event) || !flow || flow->is_aside) return false;
  const int64_t frame = flow->timeline.due_frames_out();
  if (flow->departures.empty() && frame <= flow->timeline.frames_out()) return false;
  guard(GST_ELEMENT(self), Task::kStreaming, [&] { flow->departures.hold(event, frame); });
  return true;
}

gboolean sink_event(GstBaseTransform* base, GstEvent* event) {
  TsTransform* self = ts_transform_cast(base);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      drain(self);
      break;
    case GST_EVENT_SEGMENT:
      drain(self);
      forget(self);
      break;
    case GST_EVENT_GAP:
      if (!fill_gap(self, event) || gst_base_transform_is_passthrough(base)) break;
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_FLUSH_START:
      ++self->priv->flushes;
      break;
    case GST_EVENT_FLUSH_STOP:
      forget(self);
      break;
    case GST_EVENT_CAPS:
      break;  // set_caps() drains
    default:
      if (hold(self, event)) return TRUE;
  }
  return parent_class->sink_event(base, event);
}

/// Of what left: GstBaseTransform sees nothing of that.
bool answer_position(TsTransform* self, GstQuery* query) {
  GstFormat format;
  gst_query_parse_position(query, &format, nullptr);
  const GstClockTime position = self->priv->position_ns;
  const GstSegment& segment = self->parent.segment;
  if (format != GST_FORMAT_TIME || segment.format != GST_FORMAT_TIME ||
      !GST_CLOCK_TIME_IS_VALID(position))
    return false;
  // The last frame may reach out of the segment.
  const GstClockTime inside = std::min(std::max(position, segment.start), segment.stop);
  gst_query_set_position(query, format,
                         gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, inside));
  return true;
}

gboolean query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_POSITION)
    return answer_position(ts_transform_cast(base), query) ||
           gst_pad_peer_query(direction == GST_PAD_SRC ? GST_BASE_TRANSFORM_SINK_PAD(base)
                                                       : GST_BASE_TRANSFORM_SRC_PAD(base),
                              query);
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return parent_class->query(base, direction, query);
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(base), query)) return FALSE;
  gboolean is_live;
  GstClockTime min_ns, max_ns;
  gst_query_parse_latency(query, &is_live, &min_ns, &max_ns);
  TsTransform* self = ts_transform_cast(base);
  const guint64 own_ns = self->priv->stats.latency_ns() + copy_settings(self).processing_latency_ns;
  if (GST_CLOCK_TIME_IS_VALID(max_ns)) max_ns += own_ns;
  gst_query_set_latency(query, is_live, min_ns + own_ns, max_ns);
  return TRUE;
}

gboolean start(GstBaseTransform* base) {
  TsTransformPrivate* priv = ts_transform_cast(base)->priv;
  priv->stats.start();
  priv->position_ns = GST_CLOCK_TIME_NONE;
  return TRUE;
}

gboolean stop(GstBaseTransform* base) {
  TsTransformPrivate* priv = ts_transform_cast(base)->priv;
  priv->flow.reset();
  priv->stats.set_stream({});
  return TRUE;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  const bool is_set = [&] {
    const ObjectLock lock(object);
    return set_transform_property(&ts_transform_cast(object)->priv->settings, id, value);
  }();
  if (!is_set) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (id == PROP_PROCESSING_LATENCY)
    gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
}

GstStructure* make_stats(TsTransform* self) {
  GstStructure* stats = self->priv->stats.to_structure();
  const TsTransformClass* klass = ts_transform_class_cast(G_OBJECT_GET_CLASS(self));
  if (klass->add_stats) klass->add_stats(self, stats);
  return stats;
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  TsTransform* self = ts_transform_cast(object);
  if (id == PROP_LATENCY)
    g_value_set_uint64(value, self->priv->stats.latency_ns());
  else if (id == PROP_STATS)
    g_value_take_boxed(value, make_stats(self));
  else if (!get_transform_property(copy_settings(self), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void finalize(GObject* object) {
  delete ts_transform_cast(object)->priv;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

void class_init(gpointer klass, gpointer) {
  parent_class = static_cast<GstBaseTransformClass*>(g_type_class_peek_parent(klass));
  gst_type_mark_as_plugin_api(G_TYPE_FROM_CLASS(klass), static_cast<GstPluginAPIFlags>(0));
  GST_DEBUG_CATEGORY_INIT(ts_transform_debug, "tstransform", 0, "torchstreamer element base");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_transform_properties(object_class);

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

void instance_init(GTypeInstance* instance, gpointer) {
  reinterpret_cast<TsTransform*>(instance)->priv = new TsTransformPrivate;
}

}  // namespace

/// Every plugin file carries its own copy of this base and registers it under its own name, which
/// the build gives it.
GType ts_transform_get_type() {
  static const GType type = g_type_register_static_simple(
      GST_TYPE_BASE_TRANSFORM, TS_TRANSFORM_NAME, sizeof(TsTransformClass), class_init,
      sizeof(TsTransform), instance_init, G_TYPE_FLAG_ABSTRACT);
  return type;
}

void ts_transform_fill_in_pts(TsTransform* self, GstBuffer** buffer) {
  if (GST_BUFFER_PTS_IS_VALID(*buffer) || !self->priv->flow) return;
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_PTS(*buffer) = self->priv->flow->timeline.next_pts();
}

void ts_transform_renew_engine(TsTransform* self) { self->priv->wants_new_engine = true; }

bool ts_transform_cross_over(TsTransform* self, GstClockTime pts) { return cross_over(self, pts); }

bool ts_transform_can_cross_over(TsTransform* self, const GstBuffer* buffer) {
  const std::optional<Flow>& flow = self->priv->flow;
  return flow && flow->timeline.frames_in() > 0 &&
         GST_CLOCK_TIME_IS_VALID(flow->timeline.next_pts()) && goes_on(self, buffer);
}

bool ts_transform_is_crossing_over(const TsTransform* self) {
  return self->priv->flow && self->priv->flow->crossover;
}
