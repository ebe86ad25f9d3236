#include <string>

#include "buffer_cut.h"
#include "guard.h"
#include "model_messages.h"
#include "tsmodel.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// Why `next` cannot take over; empty where it can.
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

/// Tells with which frame the model takes over.
void post_swap(GstBaseTransform* base, const ModelSettings& settings, GstClockTime pts) {
  GstStructure* text = gst_structure_new("tsmodel-swap", "location", G_TYPE_STRING,
                                         printable_location(settings.location).c_str(), "digest",
                                         G_TYPE_STRING, loader_of(base).sha256().c_str(), nullptr);
  set_times(text, base->segment, pts);
  gst_element_post_message(GST_ELEMENT(base), gst_message_new_element(GST_OBJECT(base), text));
}

/// Lets `next` take over before the frame at `pts`. The old model's signal ends, and what it owes
/// leaves, where the new one's stream is made, which follows: with new caps, or without.
void take_over(GstBaseTransform* base, const Model& next, GstClockTime pts) {
  std::string misfit = "The new model cannot be asked what it takes.";
  guard_quietly(GST_ELEMENT(base), [&] { misfit = explain_misfit(base, next); });
  if (!misfit.empty()) {
    ts_model_post(base, GST_MESSAGE_WARNING, misfit, g_strdup("the old model goes on"));
    loader_of(base).drop(next);
    return;
  }
  const std::optional<ModelSettings> settings = loader_of(base).take_over(next);
  if (!settings) return;  // another one was asked for meanwhile
  GST_INFO_OBJECT(base, "%s takes over at %" GST_TIME_FORMAT,
                  printable_location(settings->location).c_str(), GST_TIME_ARGS(pts));
  ts_model_forget_told(base);
  ts_transform_renew_engine(ts_transform_cast(base));
  gst_base_transform_reconfigure_src(base);
  post_swap(base, *settings, pts);
}

/// Runs `buffer` through the model that is about to go, as GstBaseTransform would. Takes it.
GstFlowReturn push_through(GstBaseTransform* base, gboolean is_discont, GstBuffer* buffer) {
  const GstBaseTransformClass* parent_class = ts_model_parent_class();
  GstFlowReturn flow = parent_class->submit_input_buffer(base, is_discont, buffer);
  while (flow == GST_FLOW_OK) {
    GstBuffer* out = nullptr;
    flow = parent_class->generate_output(base, &out);
    if (flow != GST_FLOW_OK || !out) break;
    flow = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(base), out);
  }
  return flow;
}

/// Lets `next` take over with the frame that it is to begin with, where that is in `*buffer`, which
/// keeps what is for `next`.
GstFlowReturn swap_model(GstBaseTransform* base, gboolean is_discont, const Model& next,
                         GstBuffer** buffer) {
  GST_OBJECT_LOCK(base);
  const GstClockTime swap_time = ts_model_cast(base)->priv->swap_time;
  GST_OBJECT_UNLOCK(base);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  GstAudioInfo info;
  if (!caps || !gst_audio_info_from_caps(&info, caps)) return GST_FLOW_OK;
  const int64_t before = frames_before(*buffer, info, base->segment, swap_time);
  if (before * info.bpf >= static_cast<int64_t>(gst_buffer_get_size(*buffer))) return GST_FLOW_OK;
  if (before > 0) {
    const GstFlowReturn flow = push_through(base, is_discont, cut_buffer(buffer, info, before));
    if (flow != GST_FLOW_OK) return flow;
  }
  take_over(base, next, GST_BUFFER_PTS(*buffer));
  return GST_FLOW_OK;
}

}  // namespace

GstFlowReturn ts_model_submit_input_buffer(GstBaseTransform* base, gboolean is_discont,
                                           GstBuffer* buffer) {
  if (const std::shared_ptr<const Model> next = loader_of(base).next()) {
    const GstFlowReturn flow = swap_model(base, is_discont, *next, &buffer);
    if (flow != GST_FLOW_OK) {
      gst_buffer_unref(buffer);
      return flow;
    }
  }
  return ts_model_parent_class()->submit_input_buffer(base, is_discont, buffer);
}

}  // namespace torchstreamer
