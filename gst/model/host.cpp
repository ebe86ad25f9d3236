#include "model/host.h"

#include <string>

#include "base/exceptions.h"
#include "fetch/fetch.h"
#include "model/messages.h"
#include "torchstreamer/error.h"

namespace torchstreamer {

std::unique_ptr<Engine> ModelHost::make_engine(const GstAudioInfo& in, const GstAudioInfo& out) {
  const std::shared_ptr<const Model> model = loader.model();
  const int channels = GST_AUDIO_INFO_CHANNELS(&in);
  if (model && !gst_base_transform_is_passthrough(base()) &&
      model->channels_out(channels) != GST_AUDIO_INFO_CHANNELS(&out))
    throw Error("the number of channels of the caps downstream differs from the model's output");
  return loader.start_engine({channels, GST_AUDIO_INFO_RATE(&in)});
}

GstAudioInfo ModelHost::analysis_format(const GstAudioInfo& in) {
  const int channels = loader.model()->channels_out(GST_AUDIO_INFO_CHANNELS(&in));
  GstAudioInfo info;
  gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_F32, GST_AUDIO_INFO_RATE(&in), channels,
                            nullptr);
  return info;
}

void ModelHost::take_frame(GstBuffer* frame) {
  gst_element_post_message(element(),
                           new_frame_message(GST_OBJECT_CAST(element_), base()->segment, frame));
}

void ModelHost::add_stats(GstStructure* stats) {
  run_quietly(element(), [&] {
    const auto [model, sha256, group] = loader.current();
    if (!model) return;
    const auto counts = group ? group->counts() : Group::Counts();
    gst_structure_set(stats, "model-digest", G_TYPE_STRING, sha256.c_str(), "weights-bytes",
                      G_TYPE_UINT64, static_cast<guint64>(model->weights_bytes()), "batch-pushes",
                      G_TYPE_UINT64, static_cast<guint64>(counts.pushes), "batch-runs",
                      G_TYPE_UINT64, static_cast<guint64>(counts.runs), nullptr);
  });
}

ModelSettings ModelHost::model_settings() const { return selected_model(settings.copy()); }

/// Returns the settings of the model, with the authorization from the context that the application
/// has set.
ModelSettings ModelHost::settings_with_context() const {
  ModelSettings wanted = model_settings();
  if (!is_remote(wanted.location) || !wanted.fetch.authorization.empty()) return wanted;
  g_autoptr(GstContext) context = gst_element_get_context(element(), kHttpContext);
  if (!context) {
    gst_element_post_message(element(),
                             gst_message_new_need_context(GST_OBJECT_CAST(element_), kHttpContext));
    context = gst_element_get_context(element(), kHttpContext);
  }
  wanted.fetch.authorization = context_authorization(context);
  return wanted;
}

void ModelHost::apply_output_mode() {
  if (loader.is_started()) return;
  const OutputMode mode = settings.read([](const auto& s) { return s.output_mode; });
  gst_base_transform_set_passthrough(base(), mode == kMessage);
}

GstStateChangeReturn ModelHost::prepare_paused() {
  negotiation.reset_reported_refusals();
  apply_output_mode();
  return loader.start(settings_with_context());
}

GstStateChangeReturn ModelHost::prepare_state(GstStateChange transition) {
  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      return prepare_paused();
    case GST_STATE_CHANGE_PAUSED_TO_READY:
    case GST_STATE_CHANGE_READY_TO_NULL:  // also if PAUSED was not reached
      // Must run before pads are deactivated, because deactivation waits for threads that wait for
      // a model.
      loader.stop();
      return GST_STATE_CHANGE_SUCCESS;
    default:
      return GST_STATE_CHANGE_SUCCESS;
  }
}

void ModelHost::finish_state(GstStateChange transition, GstStateChangeReturn result) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (result == GST_STATE_CHANGE_FAILURE) loader.stop();
    change_model(/*again=*/false);  // loads a model that was set meanwhile
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      transition == GST_STATE_CHANGE_READY_TO_NULL) {
    loader.finish_stop();
    swap.reset();
  }
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) loader.unload();
}

void ModelHost::sync_inputs(GstBuffer* buffer) {
  const GstSegment& segment = base()->segment;
  if (inputs.count() == 0 || segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer))
    return;
  const std::shared_ptr<const Model> model = loader.model();
  if (!model || model->window_frames() == 0) return;
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime end = GST_BUFFER_DURATION_IS_VALID(buffer) ? pts + GST_BUFFER_DURATION(buffer)
                                                                : GST_CLOCK_TIME_NONE;
  guint64 start = pts;  // later if the segment starts inside the buffer
  if (!gst_segment_clip(&segment, GST_FORMAT_TIME, pts, end, &start, nullptr)) return;
  const GstClockTime time = gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, start);
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  has_controlled_inputs_ = false;
  controlling_thread_ = std::this_thread::get_id();
  inputs.sync_values(time);
  controlling_thread_ = std::thread::id();
  if (!has_controlled_inputs_) return;
  run_guarded(element(), ErrorContext::kNewModel, [&] {
    ModelSettings wanted;
    do {
      wanted = model_settings();
      loader.control_inputs(wanted);
    } while (!(model_settings() == wanted));  // a different thread may have set inputs
  });
}

bool ModelHost::note_controlled_inputs() {
  if (controlling_thread_ != std::this_thread::get_id()) return false;
  has_controlled_inputs_ = true;
  return true;
}

void ModelHost::change_model(bool again) {
  if (!again && !loader.is_started()) return;
  run_guarded(element(), ErrorContext::kNewModel, [&] {
    ModelSettings wanted;
    do {
      wanted = model_settings();
      if (!again && loader.is_requested(wanted)) return;
      if (!again && loader.change_inputs(wanted)) continue;  // needs no context
      loader.request(loader.is_started() ? settings_with_context() : wanted, again);
      // The handler of the context or a different thread may have set more properties.
    } while (!(model_settings() == wanted));
  });
}

}  // namespace torchstreamer
