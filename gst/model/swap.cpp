#include "model/swap.h"

#include <algorithm>
#include <utility>

#include "base/buffers.h"
#include "base/exceptions.h"
#include "model/buffer_cut.h"
#include "model/messages.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// Minimum time for which a model processes the signal before a handover. It is needed because
/// recurrent state has no finite receptive field.
constexpr GstClockTime kMinWarmUpNs = GST_SECOND;
/// Limits of CapsTimeout.
constexpr GstClockTime kCapsTimeoutAudioNs = 10 * GST_SECOND;
constexpr gint64 kCapsTimeoutUs = G_USEC_PER_SEC;

bool is_all(int64_t frames, GstBuffer* buffer, const GstAudioInfo& info) {
  return frames >= frames_in(buffer, info);
}

}  // namespace

void CapsTimeout::start() {
  audio_left_ns_ = kCapsTimeoutAudioNs;
  end_us_ = g_get_monotonic_time() + kCapsTimeoutUs;
}

bool CapsTimeout::add_audio(GstClockTime duration_ns) {
  audio_left_ns_ -= std::min(audio_left_ns_, duration_ns);
  return audio_left_ns_ == 0 && g_get_monotonic_time() >= end_us_;
}

// Taking over

/// Makes `next` the running model for audio of `channels`. Returns none if it fails, after posting
/// a warning, or if a different model was requested meanwhile.
std::optional<TakenOver> ModelSwap::take_over(const Model& next, const GstAudioInfo& in) {
  if (!run_guarded(element(), ErrorContext::kNewModel, [&] {
        loader_->prepare_next(next, {in.channels, in.rate});
      })) {
    loader_->drop(next);
    return std::nullopt;
  }
  negotiation_->reset_reported_refusals();
  return loader_->take_over(next);
}

/// Drains the signal of the old model before the next buffer and starts the new model, with new
/// caps if they differ.
void ModelSwap::restart_with(TakenOver model) {
  flow().request_new_engine();
  gst_base_transform_reconfigure_src(base());
  taken_over_ = std::move(model);
}

/// Swaps to `next` before the next frame, or requests audio that it accepts. May throw.
void ModelSwap::drain_over(const Model& next, const Audio& audio) {
  const std::string misfit = negotiation_->explain_misfit(next, audio.caps.get());
  if (misfit.empty()) {
    if (auto taken = take_over(next, audio.info)) restart_with(std::move(*taken));
  } else if (negotiation_->can_request_audio(next)) {
    GST_INFO_OBJECT(element_, "requests different audio: %s", misfit.c_str());
    loader_->await_caps(next);
    caps_timeout_.start();
    gst_base_transform_reconfigure_sink(base());
  } else {
    post_caps_message(element(), GST_MESSAGE_WARNING, misfit, g_strdup("the old model continues"));
    loader_->drop(next);
  }
}

/// Swaps to `next` without a seam, at the output frame nearest to `pts` or at the first possible
/// one after it.
void ModelSwap::hand_over(const Model& next, const Audio& audio, GstClockTime pts) {
  auto taken = take_over(next, audio.info);
  if (!taken) return;
  if (flow().hand_over(pts))
    handing_over_ = std::move(taken);
  else
    restart_with(std::move(*taken));
}

void ModelSwap::begin_format(const GstAudioInfo& in) {
  g_autoptr(GstCaps) caps = gst_audio_info_to_caps(&in);
  const std::shared_ptr<const Model> model = negotiation_->model_for(caps);
  if (model == loader_->model()) return;
  if (auto taken = take_over(*model, in)) taken_over_ = std::move(taken);
}

// Reports

void ModelSwap::report(const TakenOver& model, GstClockTime pts, const GstSegment& segment) const {
  GST_INFO_OBJECT(element_, "%s takes over at %" GST_TIME_FORMAT, model.location.c_str(),
                  GST_TIME_ARGS(pts));
  gst_element_post_message(element(), new_swap_message(GST_OBJECT_CAST(element_), segment, pts,
                                                       model.location, model.sha256));
}

/// If the signal ended before the handover, the new model starts with the next signal.
void ModelSwap::end_handover(GstClockTime pts, const GstSegment& segment) {
  auto taken = std::exchange(handing_over_, std::nullopt);
  if (!taken) return;
  if (GST_CLOCK_TIME_IS_VALID(pts))
    report(*taken, pts, segment);
  else
    taken_over_ = std::move(taken);
}

void ModelSwap::before_input(GstClockTime pts) {
  const auto taken = std::exchange(taken_over_, std::nullopt);
  if (taken) report(*taken, pts, base()->segment);
}

void ModelSwap::reset() {
  handing_over_.reset();
  taken_over_.reset();
}

// Selection of the kind and the time of a swap

/// Returns true if the settings select a handover and `buffer` continues a signal in which it is
/// possible.
bool ModelSwap::can_hand_over(const SwapSettings& wanted, GstBuffer* buffer) const {
  const GstSegment& segment = base()->segment;
  return wanted.mode == kCross && segment.format == GST_FORMAT_TIME && segment.rate > 0 &&
         GST_BUFFER_PTS_IS_VALID(buffer) && flow().can_hand_over(buffer);
}

/// Returns true if the output of `next` has the same format and number of frames as that of the
/// running model. Throws if `next` does not accept the audio.
bool ModelSwap::has_same_output(const Model& next, const Audio& audio) const {
  const std::shared_ptr<const Model> model = loader_->model();
  const int channels = audio.info.channels;
  if (!model || model->timing().rate() != next.timing().rate() ||
      model->channels_out(channels) != next.channels_out(channels))
    return false;
  g_autoptr(GstCaps) output = negotiation_->map(*model, GST_PAD_SINK, audio.caps.get());
  g_autoptr(GstCaps) next_output = negotiation_->map(next, GST_PAD_SINK, audio.caps.get());
  return gst_caps_is_equal(output, next_output);
}

/// Returns the PTS of the first output frame of `next` if `next` must start to process with
/// `buffer`; none if it must start later. `running_time`: running time of that frame; NONE: as soon
/// as `next` has processed enough.
std::optional<GstClockTime> ModelSwap::handover_pts(const NextModel& next,
                                                    GstClockTime running_time, GstBuffer* buffer,
                                                    const Audio& audio) const {
  const GstSegment& segment = base()->segment;
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime needed_ns =
      gst_util_uint64_scale_ceil(next.warm_up_frames, GST_SECOND, audio.info.rate);
  const GstClockTime warm_up_ns = std::max(kMinWarmUpNs, needed_ns);
  if (!GST_CLOCK_TIME_IS_VALID(running_time)) return pts + warm_up_ns;
  const auto running_ns = static_cast<GstClockTime>(warm_up_ns / segment.rate);
  const GstClockTime start = running_time - std::min(running_time, running_ns);
  if (is_all(frames_before(buffer, audio.info, segment, start), buffer, audio.info))
    return std::nullopt;
  guint64 wanted_pts = pts;
  const int sign = gst_segment_position_from_running_time_full(&segment, GST_FORMAT_TIME,
                                                               running_time, &wanted_pts);
  return sign > 0 ? wanted_pts : pts;  // a time before the segment means immediately
}

/// Swaps at the time of the settings if it is inside `*buffer`. May throw.
GstFlowReturn ModelSwap::swap_at_its_time(const NextModel& next, GstBuffer** buffer,
                                          const Audio& audio) {
  if (flow().is_handing_over()) return GST_FLOW_OK;  // the next swap waits for the end of this one
  const SwapSettings wanted = settings_->read([](const auto& settings) { return settings.swap; });
  if (can_hand_over(wanted, *buffer)) {
    const auto pts = handover_pts(next, wanted.running_time, *buffer, audio);
    if (!pts) return GST_FLOW_OK;
    bool is_same = false;
    run_quietly(element(), [&] { is_same = has_same_output(*next.model, audio); });
    if (is_same) {
      hand_over(*next.model, audio, *pts);
      return GST_FLOW_OK;
    }
  }
  return drain_at(*next.model, wanted.running_time, buffer, audio);
}

/// Swaps to `next` at the frame at `running_time` if it is inside `*buffer`. `*buffer` keeps the
/// frames from that one on. May throw.
GstFlowReturn ModelSwap::drain_at(const Model& next, GstClockTime running_time, GstBuffer** buffer,
                                  const Audio& audio) {
  const int64_t before = frames_before(*buffer, audio.info, base()->segment, running_time);
  if (is_all(before, *buffer, audio.info)) return GST_FLOW_OK;
  if (before > 0) {
    const GstFlowReturn flow = push_through(cut_buffer(buffer, audio.info, before));
    if (flow != GST_FLOW_OK) return flow;
  }
  drain_over(next, audio);
  return GST_FLOW_OK;
}

/// Processes `buffer` with the old model like GstBaseTransform. Takes ownership of it. In
/// passthrough nothing is pushed here, because the whole buffer is pushed later.
GstFlowReturn ModelSwap::push_through(GstBuffer* buffer) {
  const bool is_discont = GST_BUFFER_IS_DISCONT(buffer);
  const GstFlowReturn flow = parent_class_->submit_input_buffer(base(), is_discont, buffer);
  if (flow != GST_FLOW_OK) return flow;
  if (gst_base_transform_is_passthrough(base())) gst_clear_buffer(&base()->queued_buf);
  GstBuffer* out = nullptr;
  return parent_class_->generate_output(base(), &out);
}

/// Called if `next` waits for different audio than `buffer`. After the timeout, a later model
/// replaces `next`. If there is none, `next` takes over if it accepts the audio now; otherwise a
/// warning is posted once. May throw.
void ModelSwap::await_audio(const Model& next, GstBuffer* buffer, const Audio& audio) {
  const int64_t frames = frames_in(buffer, audio.info);
  if (!caps_timeout_.add_audio(gst_util_uint64_scale(frames, GST_SECOND, audio.info.rate))) return;
  const ModelQueue::CapsWait wait = loader_->end_caps_wait(next);
  if (wait == ModelQueue::CapsWait::kReplaced) return;
  caps_timeout_.start();
  const std::string misfit = negotiation_->explain_misfit(next, audio.caps.get());
  if (misfit.empty()) return drain_over(next, audio);
  if (wait == ModelQueue::CapsWait::kEndedEarlier) return;
  post_caps_message(
      element(), GST_MESSAGE_WARNING, misfit,
      g_strdup(
          "different audio was requested from upstream; the old model continues until it arrives"));
}

/// Sets inputs that were requested for the running model.
void ModelSwap::set_inputs() {
  run_guarded(element(), ErrorContext::kNewModel, [&] {
    loader_->set_inputs([&](const NamedValues& inputs) { flow().set_inputs(inputs); });
  });
}

/// Prepares or performs the swap to `next` before `*buffer` is processed. May remove the first
/// frames of `*buffer`. May throw.
GstFlowReturn ModelSwap::prepare_swap(const NextModel& next, GstBuffer** buffer) {
  flow().fill_in_pts(buffer);
  Audio audio;
  audio.caps.reset(gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base())));
  if (!audio.caps || !gst_audio_info_from_caps(&audio.info, audio.caps.get())) return GST_FLOW_OK;
  if (!next.awaits_caps) return swap_at_its_time(next, buffer, audio);
  await_audio(*next.model, *buffer, audio);
  return GST_FLOW_OK;
}

GstFlowReturn ModelSwap::submit_input_buffer(gboolean is_discont, GstBuffer* buffer) {
  // In passthrough the whole buffer is pushed, even if it is cut for the models.
  g_autoptr(GstBuffer) whole =
      gst_base_transform_is_passthrough(base()) ? gst_buffer_ref(buffer) : nullptr;
  set_inputs();
  const std::optional<NextModel> next = loader_->next();
  GstFlowReturn flow = GST_FLOW_OK;
  if (next && !run_guarded(element(), ErrorContext::kNewModel,
                           [&] { flow = prepare_swap(*next, &buffer); }))
    run_quietly(element(), [&] { loader_->drop(*next->model); });
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref(buffer);
    return flow;
  }
  if (whole == buffer) gst_clear_buffer(&whole);
  flow = parent_class_->submit_input_buffer(base(), is_discont, buffer);
  if (whole && base()->queued_buf) std::swap(base()->queued_buf, whole);
  return flow;
}

}  // namespace torchstreamer
