#include <algorithm>
#include <string>
#include <utility>

#include "base/buffers.h"
#include "base/exceptions.h"
#include "base/output_queue.h"
#include "model/buffer_cut.h"
#include "model/messages.h"
#include "model/tsmodel.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// For so long a model listens at least before it goes on where another one is: what recurrent
/// layers remember has no bound that is known.
constexpr GstClockTime kListeningNs = GST_SECOND;
/// So much audio may come before the other one that upstream was asked for: more than queues hold.
/// And so long upstream may take to send it where audio is faster than its time.
constexpr GstClockTime kPatienceNs = 10 * GST_SECOND;
constexpr gint64 kPatienceUs = G_USEC_PER_SEC;

TsModelPrivate& priv_of(gpointer object) { return *ts_model_cast(object)->priv; }

/// Why `model` cannot take over with audio of these caps; empty where it can. May throw.
std::string explain_misfit(GstBaseTransform* base, const Model& model, const GstCaps* caps) {
  const std::string refusal = ts_model_explain_refusal(base, model, caps);
  if (!refusal.empty()) return refusal;
  g_autoptr(GstCaps) made = ts_model_map_caps(base, model, GST_PAD_SINK, caps);
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

/// What flows into the element.
struct Audio {
  MiniObjectPtr<GstCaps> caps;
  GstAudioInfo info;
};

/// Whether `next` makes audio of the same format, as many frames, of what flows. Throws where it
/// takes none of that.
bool makes_the_same(GstBaseTransform* base, const Model& next, const Audio& audio) {
  const std::shared_ptr<const Model> model = loader_of(base).model();
  const int channels = audio.info.channels;
  if (!model || model->timing().rate() != next.timing().rate() ||
      model->channels_out(channels) != next.channels_out(channels))
    return false;
  g_autoptr(GstCaps) made = ts_model_map_caps(base, *model, GST_PAD_SINK, audio.caps.get());
  g_autoptr(GstCaps) made_next = ts_model_map_caps(base, next, GST_PAD_SINK, audio.caps.get());
  return gst_caps_is_equal(made, made_next);
}

/// Tells with which frame the model takes over.
void post_swap(gpointer object, const TakenOver& model, GstClockTime pts) {
  GST_INFO_OBJECT(object, "%s takes over at %" GST_TIME_FORMAT, model.location.c_str(),
                  GST_TIME_ARGS(pts));
  GstStructure* text =
      gst_structure_new("tsmodel-swap", "location", G_TYPE_STRING, model.location.c_str(), "digest",
                        G_TYPE_STRING, model.sha256.c_str(), nullptr);
  set_times(text, GST_BASE_TRANSFORM(object)->segment, pts);
  gst_element_post_message(GST_ELEMENT(object), gst_message_new_element(GST_OBJECT(object), text));
}

/// `next` runs from now on, over audio of `channels`; none after a warning, and where another one
/// was asked for meanwhile.
std::optional<TakenOver> take_over(gpointer object, const Model& next, int channels) {
  ModelLoader& loader = loader_of(object);
  if (!guard(GST_ELEMENT(object), Task::kNewModel, [&] { loader.make_ready(next, channels); })) {
    loader.drop(next);
    return std::nullopt;
  }
  ts_model_forget_told(object);
  return loader.take_over(next);
}

/// The old model's signal ends, and what it owes leaves, where the new one's stream is made, which
/// follows: with new caps, or without.
void go_on_anew(GstBaseTransform* base, TakenOver model) {
  ts_transform_renew_engine(ts_transform_cast(base));
  gst_base_transform_reconfigure_src(base);
  priv_of(base).took_over = std::move(model);
}

/// Upstream has so much time from now on.
void be_patient(GstBaseTransform* base) {
  priv_of(base).patience_ns = kPatienceNs;
  priv_of(base).patient_until_us = g_get_monotonic_time() + kPatienceUs;
}

/// Lets `next` take over before the next frame, or where it needs other audio, when that comes. May
/// throw.
void drain_over(GstBaseTransform* base, const Model& next, const Audio& audio) {
  const std::string misfit = explain_misfit(base, next, audio.caps.get());
  if (misfit.empty()) {
    if (auto taken = take_over(base, next, audio.info.channels))
      go_on_anew(base, std::move(*taken));
  } else if (can_have_other_audio(base, next)) {
    GST_INFO_OBJECT(base, "asks for other audio: %s", misfit.c_str());
    loader_of(base).ask_for_audio(next);
    be_patient(base);
    gst_base_transform_reconfigure_sink(base);
  } else {
    ts_model_post(base, GST_MESSAGE_WARNING, misfit, g_strdup("the old model goes on"));
    loader_of(base).drop(next);
  }
}

/// Lets `next` take over without a seam, with the frame nearest to `wanted_pts` or as soon as it
/// can. May throw.
void cross_over(GstBaseTransform* base, const Model& next, const Audio& audio,
                GstClockTime wanted_pts) {
  auto taken = take_over(base, next, audio.info.channels);
  if (!taken) return;
  if (ts_transform_cross_over(ts_transform_cast(base), wanted_pts))
    priv_of(base).crossing = std::move(taken);
  else
    go_on_anew(base, std::move(*taken));
}

/// Runs `buffer` through the model that is about to go, as GstBaseTransform would. Takes it. Audio
/// that only passes does so later, as a whole.
GstFlowReturn push_through(GstBaseTransform* base, GstBuffer* buffer) {
  const GstBaseTransformClass* parent_class = ts_model_parent_class();
  const bool is_discont = GST_BUFFER_IS_DISCONT(buffer);
  const GstFlowReturn flow = parent_class->submit_input_buffer(base, is_discont, buffer);
  if (flow != GST_FLOW_OK) return flow;
  if (listens(base)) gst_clear_buffer(&base->queued_buf);
  GstBuffer* out = nullptr;
  return parent_class->generate_output(base, &out);
}

bool is_all(int64_t frames, GstBuffer* buffer, const GstAudioInfo& info) {
  return frames >= frames_in(buffer, info);
}

/// The PTS of the frame with which `next` is to go on at `running_time` (NONE: as soon as it heard
/// enough), where it must begin to listen with `buffer`; none where that is for later.
std::optional<GstClockTime> crossing_pts(GstBaseTransform* base, const NextModel& next,
                                         GstClockTime running_time, GstBuffer* buffer,
                                         const Audio& audio) {
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime needed_ns =
      gst_util_uint64_scale_ceil(next.warm_up_frames, GST_SECOND, audio.info.rate);
  const GstClockTime listening_ns = std::max(kListeningNs, needed_ns);
  if (!GST_CLOCK_TIME_IS_VALID(running_time)) return pts + listening_ns;
  const auto listens_for = static_cast<GstClockTime>(listening_ns / base->segment.rate);
  const GstClockTime listens_at = running_time - std::min(running_time, listens_for);
  if (is_all(frames_before(buffer, audio.info, base->segment, listens_at), buffer, audio.info))
    return std::nullopt;
  guint64 wanted_pts = pts;
  const int sign = gst_segment_position_from_running_time_full(&base->segment, GST_FORMAT_TIME,
                                                               running_time, &wanted_pts);
  return sign > 0 ? wanted_pts : pts;  // over before the segment began
}

/// Lets `next` take over with the frame that it is to begin with, where that is in `*buffer`, which
/// keeps what is for `next`. May throw.
GstFlowReturn swap_by_draining(GstBaseTransform* base, const Model& next, GstClockTime running_time,
                               GstBuffer** buffer, const Audio& audio) {
  const int64_t before = frames_before(*buffer, audio.info, base->segment, running_time);
  if (is_all(before, *buffer, audio.info)) return GST_FLOW_OK;
  if (before > 0) {
    GstBuffer* head = cut_buffer(buffer, audio.info, before);
    const GstFlowReturn flow = push_through(base, head);
    if (flow != GST_FLOW_OK) return flow;
  }
  drain_over(base, next, audio);
  return GST_FLOW_OK;
}

/// Whether there is a signal in which a model may cross over, and `buffer` goes on with it.
bool can_cross_over(GstBaseTransform* base, const SwapSettings& wanted, GstBuffer* buffer) {
  return wanted.mode == kCross && base->segment.format == GST_FORMAT_TIME &&
         base->segment.rate > 0 && GST_BUFFER_PTS_IS_VALID(buffer) &&
         ts_transform_can_cross_over(ts_transform_cast(base), buffer);
}

/// Lets `next` take over, or begin to listen, where that is to be with `*buffer`. May throw.
GstFlowReturn swap_model(GstBaseTransform* base, const NextModel& next, GstBuffer** buffer,
                         const Audio& audio) {
  if (ts_transform_is_crossing_over(ts_transform_cast(base)))
    return GST_FLOW_OK;  // one after the other
  const SwapSettings wanted = ts_model_copy_swap_settings(base);
  if (can_cross_over(base, wanted, *buffer)) {
    const auto pts = crossing_pts(base, next, wanted.running_time, *buffer, audio);
    if (!pts) return GST_FLOW_OK;
    bool is_same = false;
    guard_quietly(GST_ELEMENT(base), [&] { is_same = makes_the_same(base, *next.model, audio); });
    if (is_same) {
      cross_over(base, *next.model, audio, *pts);
      return GST_FLOW_OK;
    }
  }
  return swap_by_draining(base, *next.model, wanted.running_time, buffer, audio);
}

/// Audio came that is not what `next` waits for. Where the wait takes too long and nobody takes the
/// place of `next`, this tells so, once, and looks whether what flows fits by now. May throw.
void wait_for_other_audio(GstBaseTransform* base, const Model& next, GstBuffer* buffer,
                          const Audio& audio) {
  TsModelPrivate& priv = priv_of(base);
  const GstClockTime buffer_ns =
      gst_util_uint64_scale(frames_in(buffer, audio.info), GST_SECOND, audio.info.rate);
  priv.patience_ns -= std::min(priv.patience_ns, buffer_ns);
  if (priv.patience_ns > 0 || g_get_monotonic_time() < priv.patient_until_us) return;
  const ModelLoader::Patience patience = loader_of(base).end_patience(next);
  if (patience == ModelLoader::Patience::kGaveWay) return;
  be_patient(base);
  const std::string misfit = explain_misfit(base, next, audio.caps.get());
  if (misfit.empty()) return drain_over(base, next, audio);
  if (patience == ModelLoader::Patience::kWasOver) return;
  ts_model_post(
      base, GST_MESSAGE_WARNING, misfit,
      g_strdup("upstream was asked for other audio; the old model goes on until it comes"));
}

/// What is to be done for `next` before `*buffer` runs, which may lose its beginning. May throw.
GstFlowReturn attend_swap(GstBaseTransform* base, const NextModel& next, GstBuffer** buffer) {
  ts_transform_fill_in_pts(ts_transform_cast(base), buffer);
  Audio audio;
  audio.caps.reset(gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base)));
  if (!audio.caps || !gst_audio_info_from_caps(&audio.info, audio.caps.get())) return GST_FLOW_OK;
  if (!next.asks_for_audio) return swap_model(base, next, buffer, audio);
  wait_for_other_audio(base, *next.model, *buffer, audio);
  return GST_FLOW_OK;
}

bool is_flowing(GstBaseTransform* base, const GstCaps* caps) {
  g_autoptr(GstCaps) current = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  return current && gst_caps_is_equal(current, caps);
}

}  // namespace

SwapSettings ts_model_copy_swap_settings(gpointer object) {
  const ObjectLock lock(object);
  return priv_of(object).swap;
}

std::shared_ptr<const Model> ts_model_for(GstBaseTransform* base, const GstCaps* caps) {
  std::shared_ptr<const Model> model = loader_of(base).model();
  const std::optional<NextModel> next = loader_of(base).next();
  if (!model || !next || is_flowing(base, caps)) return model;
  const bool is_awaited = next->asks_for_audio;
  for (const auto& one : {is_awaited ? next->model : model, is_awaited ? model : next->model}) {
    bool fits = false;
    guard_quietly(GST_ELEMENT(base), [&] { fits = explain_misfit(base, *one, caps).empty(); });
    if (fits) return one;
  }
  return model;
}

void ts_model_begin_audio(GstBaseTransform* base, const GstAudioInfo& info) {
  g_autoptr(GstCaps) caps = gst_audio_info_to_caps(&info);
  const std::shared_ptr<const Model> model = ts_model_for(base, caps);
  if (model == loader_of(base).model()) return;
  if (auto taken = take_over(base, *model, info.channels))
    priv_of(base).took_over = std::move(taken);
}

void ts_model_end_crossover(TsTransform* self, GstClockTime pts) {
  TsModelPrivate& priv = priv_of(self);
  auto taken = std::exchange(priv.crossing, std::nullopt);
  if (!taken) return;
  if (GST_CLOCK_TIME_IS_VALID(pts))
    post_swap(self, *taken, pts);
  else
    priv.took_over = std::move(taken);
}

void ts_model_before_audio(TsTransform* self, GstClockTime pts) {
  const auto taken = std::exchange(priv_of(self).took_over, std::nullopt);
  if (taken) post_swap(self, *taken, pts);
}

void ts_model_forget_swap(gpointer object) {
  TsModelPrivate& priv = priv_of(object);
  priv.crossing.reset();
  priv.took_over.reset();
}

GstFlowReturn ts_model_submit_input_buffer(GstBaseTransform* base, gboolean is_discont,
                                           GstBuffer* buffer) {
  g_autoptr(GstBuffer) passing = listens(base) ? gst_buffer_ref(buffer) : nullptr;
  const std::optional<NextModel> next = loader_of(base).next();
  GstFlowReturn flow = GST_FLOW_OK;
  if (next &&
      !guard(GST_ELEMENT(base), Task::kNewModel, [&] { flow = attend_swap(base, *next, &buffer); }))
    guard_quietly(GST_ELEMENT(base), [&] { loader_of(base).drop(*next->model); });
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref(buffer);
    return flow;
  }
  if (passing == buffer) gst_clear_buffer(&passing);  // whole as it is
  flow = ts_model_parent_class()->submit_input_buffer(base, is_discont, buffer);
  if (passing && base->queued_buf) std::swap(base->queued_buf, passing);
  return flow;
}

}  // namespace torchstreamer
