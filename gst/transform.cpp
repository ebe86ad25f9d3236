#include "transform.h"

#include <atomic>
#include <optional>
#include <utility>

#include "buffers.h"
#include "guard.h"
#include "stats.h"
#include "timeline.h"

using namespace torchstreamer;

GST_DEBUG_CATEGORY_STATIC(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace {

struct Settings {  // under the object lock
  GstClockTime tolerance_ns = 40 * GST_MSECOND;
};

struct State {  // what lives from one change of caps to the next; streaming thread
  GstAudioInfo in, out;
  Timeline timeline;
  std::unique_ptr<Engine> engine;
  GstClockTime arrived_pts = GST_CLOCK_TIME_NONE;  // of the buffer under way, before clipping
};

enum { PROP_0, PROP_TOLERANCE, PROP_LATENCY, PROP_STATS };

GstBaseTransformClass* parent_class = nullptr;

}  // namespace

struct TsTransformPrivate {
  Settings settings;
  std::optional<State> state;
  std::atomic<bool> wants_new_engine = false;
  Stats stats;
};

namespace {

GstElement* element(TsTransform* self) { return GST_ELEMENT_CAST(self); }

/// Pushes the frames of `in` (null: none) through the engine. Returns the frames that became
/// certain in `*out`, or null where there are none.
GstFlowReturn run_engine(TsTransform* self, GstBuffer* in, bool final, GstBuffer** out) {
  TsTransformPrivate* priv = self->priv;
  State& state = *priv->state;
  Timeline& timeline = state.timeline;
  g_autoptr(GstBuffer) buffer = nullptr;
  int64_t frames_in = 0, frames_out = 0;
  // A signal that is too short for the model is lost; the stream goes on with the next one.
  const Task task = final && timeline.frames_out() == 0 ? Task::kShortSignal : Task::kStreaming;
  const bool is_done = guard(element(self), task, [&] {
    const Planes input(in, state.in, GST_MAP_READ);
    frames_in = input.frames();
    frames_out = state.engine->frames_due(frames_in, final);
    if (frames_out > 0) buffer = allocate_frames(&self->parent, state.out, frames_out);
    const Planes output(buffer, state.out, GST_MAP_WRITE);
    state.engine->push(input.data(), frames_in, final, output.data());
  });
  if (!is_done) {
    timeline.restart();
    priv->stats.add(0, 0, /*held_bytes=*/0);
    return task == Task::kShortSignal ? GST_FLOW_OK : GST_FLOW_ERROR;
  }
  timeline.take(in ? GST_BUFFER_PTS(in) : GST_CLOCK_TIME_NONE, frames_in);
  priv->stats.add(frames_in, frames_out, state.engine->held_bytes());
  GST_LOG_OBJECT(self, "%" G_GINT64_FORMAT " frames in, %" G_GINT64_FORMAT " out%s", frames_in,
                 frames_out, final ? ", end of signal" : "");
  if (buffer) {
    if (timeline.frames_out() == 0) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    timeline.stamp(buffer, frames_out);
    if (in) copy_metas(in, state.arrived_pts, buffer);
  }
  *out = std::exchange(buffer, nullptr);
  return GST_FLOW_OK;
}

/// Ends the signal: what is owed goes downstream, the next frame starts a new signal.
GstFlowReturn drain(TsTransform* self) {
  std::optional<State>& state = self->priv->state;
  if (!state || state->timeline.frames_in() == 0) return GST_FLOW_OK;
  GstBuffer* tail = nullptr;
  GstFlowReturn flow = run_engine(self, nullptr, true, &tail);
  if (tail) flow = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), tail);
  state->timeline.restart();
  self->priv->stats.add_reset();
  if (flow != GST_FLOW_OK) GST_DEBUG_OBJECT(self, "tail: %s", gst_flow_get_name(flow));
  return flow;
}

/// The signal is given up, as after a flush: nothing is owed.
void forget(TsTransform* self) {
  std::optional<State>& state = self->priv->state;
  if (!state) return;
  guard(element(self), Task::kStreaming, [&] { state->engine->reset(); });
  if (state->timeline.frames_in() > 0) self->priv->stats.add_reset();
  state->timeline.restart(GST_CLOCK_TIME_NONE);
}

/// Tells what runs now, and of its latency where that is new.
void announce(TsTransform* self) {
  const std::optional<State>& state = self->priv->state;
  std::optional<StreamFacts> facts;
  if (state)
    guard_quietly(element(self),
                  [&] { facts.emplace(*state->engine, GST_AUDIO_INFO_RATE(&state->in)); });
  if (!self->priv->stats.set_stream(facts)) return;
  GST_INFO_OBJECT(self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(self->priv->stats.latency_ns()));
  gst_element_post_message(element(self), gst_message_new_latency(GST_OBJECT_CAST(self)));
}

/// May throw.
std::unique_ptr<Engine> make_engine(TsTransform* self, const GstAudioInfo& in,
                                    const GstAudioInfo& out) {
  return ts_transform_class_cast(G_OBJECT_GET_CLASS(self))->make_engine(self, &in, &out);
}

/// Makes the engine for this audio, or none in passthrough. Posts an element error on failure.
bool open(TsTransform* self, const GstAudioInfo& in, const GstAudioInfo& out) {
  std::optional<State>& state = self->priv->state;
  const GstClockTime next_pts = state ? state->timeline.next_pts() : GST_CLOCK_TIME_NONE;
  self->priv->wants_new_engine = false;
  state.reset();
  bool is_open = true;
  if (!gst_base_transform_is_passthrough(&self->parent)) {
    is_open = guard(element(self), Task::kSettings, [&] {
      Timeline timeline(GST_AUDIO_INFO_RATE(&in), GST_AUDIO_INFO_RATE(&out));
      timeline.restart(next_pts);
      state = State{in, out, timeline, make_engine(self, in, out)};
    });
  }
  announce(self);
  return is_open;
}

/// Ends the signal and goes on with a new engine. Where none can be made, posts a warning and the
/// old one and its signal go on.
GstFlowReturn renew(TsTransform* self) {
  State& state = *self->priv->state;
  std::unique_ptr<Engine> engine;
  if (!guard(element(self), Task::kNewSettings,
             [&] { engine = make_engine(self, state.in, state.out); }))
    return GST_FLOW_OK;
  const GstFlowReturn flow = drain(self);
  state.engine = std::move(engine);
  announce(self);
  return flow;
}

gboolean set_caps(GstBaseTransform* base, GstCaps* in_caps, GstCaps* out_caps) {
  TsTransform* self = ts_transform_cast(base);
  drain(self);  // under the old caps: the new ones go downstream after this function
  GstAudioInfo in, out;
  if (!gst_audio_info_from_caps(&in, in_caps) || !gst_audio_info_from_caps(&out, out_caps))
    return FALSE;
  return open(self, in, out);
}

GstClockTime tolerance_ns(TsTransform* self) {
  GST_OBJECT_LOCK(self);
  const GstClockTime tolerance_ns = self->priv->settings.tolerance_ns;
  GST_OBJECT_UNLOCK(self);
  return tolerance_ns;
}

/// How far a buffer may be from where it is due. In reverse each piece of audio precedes the one
/// before it: within the property's tolerance, short ones would be joined in the wrong order.
GstClockTime jitter_ns(TsTransform* self) {
  if (self->parent.segment.rate >= 0) return tolerance_ns(self);
  return GST_SECOND / 2 / GST_AUDIO_INFO_RATE(&self->priv->state->in);
}

/// Drains where `buffer` does not go on with the signal, or where its engine was outdated.
GstFlowReturn begin_signal(TsTransform* self, GstBuffer* buffer) {
  if (self->priv->wants_new_engine.exchange(false)) {
    const GstFlowReturn flow = renew(self);
    if (flow != GST_FLOW_OK) return flow;
  }
  const bool is_flagged = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) ||
                          GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_RESYNC);
  const Timeline& timeline = self->priv->state->timeline;
  if (!is_flagged && timeline.continues(GST_BUFFER_PTS(buffer), jitter_ns(self)))
    return GST_FLOW_OK;
  return drain(self);
}

/// `buffer` with the PTS it lacks, clipped to the segment; null where nothing is left. Takes it.
GstBuffer* clip(TsTransform* self, GstBuffer* buffer) {
  State& state = *self->priv->state;
  if (!GST_BUFFER_PTS_IS_VALID(buffer) && GST_CLOCK_TIME_IS_VALID(state.timeline.next_pts())) {
    buffer = gst_buffer_make_writable(buffer);
    GST_BUFFER_PTS(buffer) = state.timeline.next_pts();
  }
  state.arrived_pts = GST_BUFFER_PTS(buffer);
  const GstSegment* segment = &self->parent.segment;
  const gsize frame_bytes = GST_AUDIO_INFO_BPF(&state.in);
  // GStreamer takes the clipping of less than a frame for a programming error.
  if (segment->format != GST_FORMAT_TIME || gst_buffer_get_size(buffer) < frame_bytes)
    return buffer;
  // The duration that matters is that of the frames. Clipping would believe the other one.
  buffer = gst_buffer_make_writable(buffer);
  GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
  return gst_audio_buffer_clip(buffer, segment, GST_AUDIO_INFO_RATE(&state.in), frame_bytes);
}

GstFlowReturn submit_input_buffer(GstBaseTransform* base, gboolean, GstBuffer* input) {
  TsTransform* self = ts_transform_cast(base);
  g_autoptr(GstBuffer) buffer = input;
  if (!gst_base_transform_reconfigure(base))
    return GST_PAD_IS_FLUSHING(GST_BASE_TRANSFORM_SRC_PAD(base)) ? GST_FLOW_FLUSHING
                                                                 : GST_FLOW_NOT_NEGOTIATED;
  if (!gst_base_transform_is_passthrough(base)) {
    if (!self->priv->state) return GST_FLOW_NOT_NEGOTIATED;
    const GstFlowReturn flow = begin_signal(self, buffer);
    if (flow != GST_FLOW_OK) return flow;
    buffer = clip(self, std::exchange(buffer, nullptr));
  }
  base->queued_buf = std::exchange(buffer, nullptr);
  return GST_FLOW_OK;
}

GstFlowReturn generate_output(GstBaseTransform* base, GstBuffer** out) {
  TsTransform* self = ts_transform_cast(base);
  g_autoptr(GstBuffer) buffer = std::exchange(base->queued_buf, nullptr);
  if (!buffer || gst_base_transform_is_passthrough(base)) {
    *out = std::exchange(buffer, nullptr);
    return GST_FLOW_OK;
  }
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP) &&
      !guard(element(self), Task::kStreaming, [&] { make_silent(&buffer, self->priv->state->in); }))
    return GST_FLOW_ERROR;
  return run_engine(self, buffer, false, out);
}

/// Never runs. That it exists tells GstBaseTransform that output is memory of its own, so that it
/// asks downstream for an allocator and does not hand downstream's to upstream.
GstFlowReturn transform(GstBaseTransform*, GstBuffer*, GstBuffer*) {
  return GST_FLOW_NOT_SUPPORTED;
}

void skip_gap(TsTransform* self, GstEvent* event) {
  std::optional<State>& state = self->priv->state;
  if (!state) return;
  GstClockTime pts, duration;
  gst_event_parse_gap(event, &pts, &duration);
  state->timeline.restart(GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts);
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
      drain(self);
      skip_gap(self, event);
      break;
    case GST_EVENT_FLUSH_STOP:
      forget(self);
      break;
    default:
      break;
  }
  return parent_class->sink_event(base, event);
}

gboolean query(GstBaseTransform* base, GstPadDirection direction, GstQuery* query) {
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return parent_class->query(base, direction, query);
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(base), query)) return FALSE;
  gboolean is_live;
  GstClockTime min_ns, max_ns;
  gst_query_parse_latency(query, &is_live, &min_ns, &max_ns);
  const guint64 own_ns = ts_transform_cast(base)->priv->stats.latency_ns();
  if (GST_CLOCK_TIME_IS_VALID(max_ns)) max_ns += own_ns;
  gst_query_set_latency(query, is_live, min_ns + own_ns, max_ns);
  return TRUE;
}

gboolean start(GstBaseTransform* base) {
  ts_transform_cast(base)->priv->stats.start();
  return TRUE;
}

gboolean stop(GstBaseTransform* base) {
  TsTransformPrivate* priv = ts_transform_cast(base)->priv;
  priv->state.reset();
  priv->stats.set_stream({});
  return TRUE;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  if (id != PROP_TOLERANCE) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK(object);
  ts_transform_cast(object)->priv->settings.tolerance_ns = g_value_get_uint64(value);
  GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  TsTransform* self = ts_transform_cast(object);
  const TsTransformPrivate* priv = self->priv;
  switch (id) {
    case PROP_TOLERANCE:
      g_value_set_uint64(value, tolerance_ns(self));
      break;
    case PROP_LATENCY:
      g_value_set_uint64(value, priv->stats.latency_ns());
      break;
    case PROP_STATS:
      g_value_take_boxed(value, priv->stats.to_structure());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

void finalize(GObject* object) {
  delete ts_transform_cast(object)->priv;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

void install_properties(GObjectClass* klass) {
  const auto readable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  const auto playing = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                GST_PARAM_MUTABLE_PLAYING);
  g_object_class_install_property(
      klass, PROP_TOLERANCE,
      g_param_spec_uint64("tolerance", "Tolerance",
                          "How far a buffer may be from where the one before it ended and still "
                          "continue the signal, in nanoseconds",
                          0, G_MAXINT64, Settings().tolerance_ns, playing));
  g_object_class_install_property(
      klass, PROP_LATENCY,
      g_param_spec_uint64("latency", "Latency",
                          "By how much the output lags behind the input, in nanoseconds", 0,
                          G_MAXUINT64, 0, readable));
  g_object_class_install_property(
      klass, PROP_STATS,
      g_param_spec_boxed("stats", "Statistics",
                         "Frames in, frames out and ended signals since the element left READY; "
                         "while a stream runs, its rate ratio, look-ahead, receptive field and the "
                         "memory that it holds",
                         GST_TYPE_STRUCTURE, readable));
}

void class_init(gpointer klass, gpointer) {
  parent_class = static_cast<GstBaseTransformClass*>(g_type_class_peek_parent(klass));
  GST_DEBUG_CATEGORY_INIT(ts_transform_debug, "tstransform", 0, "torchstreamer element base");

  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);

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

void ts_transform_renew_engine(TsTransform* self) { self->priv->wants_new_engine = true; }
