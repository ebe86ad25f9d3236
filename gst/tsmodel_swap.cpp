#include <algorithm>
#include <string>
#include <utility>

#include "buffer_cut.h"
#include "crossover.h"
#include "guard.h"
#include "model_messages.h"
#include "tsmodel.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// For so long a model listens at least before it goes on where another one is: what recurrent
/// layers remember has no bound that is known.
constexpr GstClockTime kListeningNs = GST_SECOND;

/// So much audio may come before the other one that upstream was asked for.
constexpr GstClockTime kPatienceNs = GST_SECOND;

/// Why `next` cannot take over while this audio flows; empty where it can.
std::string explain_misfit(GstBaseTransform* base, const Model& next) {
  g_autoptr(GstCaps) in = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  if (!in) return "";
  const std::string refusal = ts_model_explain_refusal(base, next, in);
  if (!refusal.empty()) return refusal;
  g_autoptr(GstCaps) made = ts_model_map_caps(base, next, GST_PAD_SINK, in);
  g_autoptr(GstCaps) taken = gst_pad_peer_query_caps(GST_BASE_TRANSFORM_SRC_PAD(base), made);
  if (!gst_caps_is_empty(taken)) return "";
  g_autofree gchar* text = gst_caps_to_string(made);
  return std::string("Nothing behind tsmodel takes what the model makes, ") + text + ".";
}

/// Whether what is before the element can send other audio, which fits `next` and what is behind.
bool can_have_other_audio(GstBaseTransform* base, const Model& next) {
  g_autoptr(GstCaps) possible = gst_pad_get_pad_template_caps(GST_BASE_TRANSFORM_SRC_PAD(base));
  g_autoptr(GstCaps) taken = gst_pad_peer_query_caps(GST_BASE_TRANSFORM_SRC_PAD(base), possible);
  g_autoptr(GstCaps) wanted = ts_model_map_caps(base, next, GST_PAD_SRC, taken);
  g_autoptr(GstCaps) sent = gst_pad_peer_query_caps(GST_BASE_TRANSFORM_SINK_PAD(base), wanted);
  return !gst_caps_is_empty(sent);
}

/// Whether `next` makes audio of the same format, as many frames, of what flows.
bool makes_the_same(GstBaseTransform* base, const Model& next, const GstAudioInfo& info) {
  const std::shared_ptr<const Model> model = loader_of(base).model();
  bool is_same = false;
  guard_quietly(GST_ELEMENT(base), [&] {
    is_same = model && model->timing().rate() == next.timing().rate() &&
              model->channels_out(info.channels) == next.channels_out(info.channels);
  });
  return is_same;
}

/// Tells with which frame the model takes over.
void post_swap(GstBaseTransform* base, const ModelSettings& settings, GstClockTime pts) {
  GST_INFO_OBJECT(base, "%s takes over at %" GST_TIME_FORMAT,
                  printable_location(settings.location).c_str(), GST_TIME_ARGS(pts));
  GstStructure* text = gst_structure_new(
      "tsmodel-swap", "location", G_TYPE_STRING, printable_location(settings.location).c_str(),
      "digest", G_TYPE_STRING, loader_of(base).model_and_sha256().second.c_str(), nullptr);
  set_times(text, base->segment, pts);
  gst_element_post_message(GST_ELEMENT(base), gst_message_new_element(GST_OBJECT(base), text));
}

/// The new model runs from now on, over audio of `channels`; none after a warning, and where
/// another one was asked for meanwhile.
std::optional<ModelSettings> take_over(gpointer object, const Model& next, int channels) {
  ModelLoader& loader = loader_of(object);
  if (!guard(GST_ELEMENT(object), Task::kNewModel, [&] { loader.make_ready(next, channels); })) {
    loader.drop(next);
    return std::nullopt;
  }
  ts_model_forget_told(object);
  ts_model_forget_swap(object);
  return loader.take_over(next);
}

/// The old model's signal ends, and what it owes leaves, where the new one's stream is made, which
/// follows: with new caps, or without.
void go_on_anew(GstBaseTransform* base, const ModelSettings& settings, GstClockTime pts) {
  ts_transform_renew_engine(ts_transform_cast(base));
  gst_base_transform_reconfigure_src(base);
  post_swap(base, settings, pts);
}

void set_for_other_audio(gpointer object, std::shared_ptr<const Model> model) {
  GST_OBJECT_LOCK(object);
  ts_model_cast(object)->priv->for_other_audio.swap(model);
  GST_OBJECT_UNLOCK(object);
}

/// Lets `next` take over before the frame at `pts`, or where it needs other audio, when that comes.
void drain_over(GstBaseTransform* base, const std::shared_ptr<const Model>& next, int channels,
                GstClockTime pts) {
  std::string misfit = "The new model cannot be asked what it takes.";
  bool asks_upstream = false;
  guard_quietly(GST_ELEMENT(base), [&] {
    misfit = explain_misfit(base, *next);
    asks_upstream = !misfit.empty() && can_have_other_audio(base, *next);
  });
  if (asks_upstream) {
    GST_INFO_OBJECT(base, "asks for other audio: %s", misfit.c_str());
    set_for_other_audio(base, next);
    ts_model_cast(base)->priv->patience_ns = kPatienceNs;
    gst_base_transform_reconfigure_sink(base);
  } else if (!misfit.empty()) {
    ts_model_post(base, GST_MESSAGE_WARNING, misfit, g_strdup("the old model goes on"));
    loader_of(base).drop(*next);
  } else if (const auto settings = take_over(base, *next, channels)) {
    go_on_anew(base, *settings, pts);
  }
}

/// Tells, once, that the audio that `next` needs does not come.
void wait_for_other_audio(GstBaseTransform* base, const Model& next, const GstBuffer* buffer,
                          const GstAudioInfo& info) {
  GstClockTime& patience_ns = ts_model_cast(base)->priv->patience_ns;
  if (patience_ns == 0) return;
  const gsize frames = gst_buffer_get_size(const_cast<GstBuffer*>(buffer)) / info.bpf;
  patience_ns -= std::min(patience_ns, gst_util_uint64_scale(frames, GST_SECOND, info.rate));
  if (patience_ns > 0) return;
  std::string misfit = "The new model needs other audio.";
  guard_quietly(GST_ELEMENT(base), [&] { misfit = explain_misfit(base, next); });
  ts_model_post(
      base, GST_MESSAGE_WARNING, misfit,
      g_strdup("upstream was asked for other audio; the old model goes on until it comes"));
}

/// Lets `next` take over without a seam, with the frame nearest to `pts` or as soon as it can.
void cross_over(GstBaseTransform* base, const Model& next, int channels, GstClockTime pts) {
  const std::optional<ModelSettings> settings = take_over(base, next, channels);
  if (!settings) return;
  const GstClockTime at = ts_transform_cross_over(ts_transform_cast(base), pts);
  if (GST_CLOCK_TIME_IS_VALID(at))
    post_swap(base, *settings, at);
  else
    go_on_anew(base, *settings, pts);
}

/// Runs `buffer` through the model that is about to go, as GstBaseTransform would. Takes it. Audio
/// that only passes does so later, as a whole.
GstFlowReturn push_through(GstBaseTransform* base, gboolean is_discont, GstBuffer* buffer) {
  const GstBaseTransformClass* parent_class = ts_model_parent_class();
  const GstFlowReturn flow = parent_class->submit_input_buffer(base, is_discont, buffer);
  if (flow != GST_FLOW_OK) return flow;
  if (listens(base)) gst_clear_buffer(&base->queued_buf);
  GstBuffer* out = nullptr;
  return parent_class->generate_output(base, &out);
}

bool is_all(int64_t frames, const GstBuffer* buffer, const GstAudioInfo& info) {
  return frames * info.bpf >=
         static_cast<int64_t>(gst_buffer_get_size(const_cast<GstBuffer*>(buffer)));
}

/// Begins to cross over to `next` with `buffer` where it must listen from there on.
void swap_by_crossing(GstBaseTransform* base, const Model& next, GstClockTime running_time,
                      const GstBuffer* buffer, const GstAudioInfo& info) {
  const GstClockTime listening_ns =
      std::max(kListeningNs, gst_util_uint64_scale_ceil(Crossover::listening_frames(next.timing()),
                                                        GST_SECOND, info.rate));
  if (!GST_CLOCK_TIME_IS_VALID(running_time))
    return cross_over(base, next, info.channels, GST_BUFFER_PTS(buffer) + listening_ns);
  const GstClockTime listens_at = running_time - std::min(running_time, listening_ns);
  if (is_all(frames_before(buffer, info, base->segment, listens_at), buffer, info)) return;
  guint64 pts = 0;
  gst_segment_position_from_running_time_full(&base->segment, GST_FORMAT_TIME, running_time, &pts);
  cross_over(base, next, info.channels, pts);
}

/// Lets `next` take over with the frame that it is to begin with, where that is in `*buffer`, which
/// keeps what is for `next`.
GstFlowReturn swap_by_draining(GstBaseTransform* base, gboolean is_discont,
                               const std::shared_ptr<const Model>& next, GstClockTime running_time,
                               GstBuffer** buffer, const GstAudioInfo& info) {
  const int64_t before = frames_before(*buffer, info, base->segment, running_time);
  if (is_all(before, *buffer, info)) return GST_FLOW_OK;
  if (before > 0) {
    const GstFlowReturn flow = push_through(base, is_discont, cut_buffer(buffer, info, before));
    if (flow != GST_FLOW_OK) return flow;
  }
  drain_over(base, next, info.channels, GST_BUFFER_PTS(*buffer));
  return GST_FLOW_OK;
}

GstFlowReturn swap_model(GstBaseTransform* base, gboolean is_discont,
                         const std::shared_ptr<const Model>& next, GstBuffer** buffer) {
  const TsTransform* transform = ts_transform_cast(base);
  if (ts_transform_is_crossing_over(transform)) return GST_FLOW_OK;  // one after the other
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  GstAudioInfo info;
  if (!caps || !gst_audio_info_from_caps(&info, caps)) return GST_FLOW_OK;
  if (ts_model_expected(base) == next) {
    wait_for_other_audio(base, *next, *buffer, info);
    return GST_FLOW_OK;
  }
  const SwapSettings wanted = ts_model_copy_swap_settings(base);
  const bool crosses = wanted.mode == kCross && base->segment.rate > 0 &&
                       GST_BUFFER_PTS_IS_VALID(*buffer) && ts_transform_can_cross_over(transform) &&
                       makes_the_same(base, *next, info);
  if (!crosses) return swap_by_draining(base, is_discont, next, wanted.running_time, buffer, info);
  swap_by_crossing(base, *next, wanted.running_time, *buffer, info);
  return GST_FLOW_OK;
}

}  // namespace

SwapSettings ts_model_copy_swap_settings(gpointer object) {
  GST_OBJECT_LOCK(object);
  const SwapSettings copy = ts_model_cast(object)->priv->swap;
  GST_OBJECT_UNLOCK(object);
  return copy;
}

std::shared_ptr<const Model> ts_model_expected(gpointer object) {
  GST_OBJECT_LOCK(object);
  const std::shared_ptr<const Model> model = ts_model_cast(object)->priv->for_other_audio;
  GST_OBJECT_UNLOCK(object);
  return model && model == loader_of(object).next() ? model : loader_of(object).model();
}

bool ts_model_has_caps(gpointer object, const GstCaps* caps) {
  g_autoptr(GstCaps) current = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(object));
  return current && gst_caps_is_equal(current, caps);
}

void ts_model_begin_caps(gpointer object, const GstCaps* caps) {
  const std::shared_ptr<const Model> next = ts_model_expected(object);
  if (next == loader_of(object).model() || ts_model_has_caps(object, caps)) return;
  std::string refusal = "The new model cannot be asked what it takes.";
  guard_quietly(GST_ELEMENT(object),
                [&] { refusal = ts_model_explain_refusal(object, *next, caps); });
  GstAudioInfo info;
  if (refusal.empty() && gst_audio_info_from_caps(&info, caps))
    ts_model_cast(object)->priv->took_over = take_over(object, *next, info.channels);
}

void ts_model_forget_swap(gpointer object) {
  set_for_other_audio(object, nullptr);
  ts_model_cast(object)->priv->took_over.reset();
}

GstFlowReturn ts_model_submit_input_buffer(GstBaseTransform* base, gboolean is_discont,
                                           GstBuffer* buffer) {
  TsModelPrivate& priv = *ts_model_cast(base)->priv;
  if (const auto settings = std::exchange(priv.took_over, std::nullopt))
    post_swap(base, *settings, GST_BUFFER_PTS(buffer));
  const std::shared_ptr<const Model> next = loader_of(base).next();
  g_autoptr(GstBuffer) passing = next && listens(base) ? gst_buffer_ref(buffer) : nullptr;
  GstFlowReturn flow = next ? swap_model(base, is_discont, next, &buffer) : GST_FLOW_OK;
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref(buffer);
    return flow;
  }
  flow = ts_model_parent_class()->submit_input_buffer(base, is_discont, buffer);
  if (passing && base->queued_buf) std::swap(base->queued_buf, passing);
  return flow;
}

}  // namespace torchstreamer
