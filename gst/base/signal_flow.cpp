#include "base/signal_flow.h"

#include <algorithm>
#include <utility>

#include "base/buffers.h"
#include "base/exceptions.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY_EXTERN(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace torchstreamer {

SignalFlow::SignalFlow(GstBaseTransform* element, EngineHost* host,
                       const LockedSettings<TransformSettings>* settings)
    : element_(element), host_(host), settings_(settings), downstream_(element, host) {}

bool SignalFlow::start() {
  stats_.start();
  downstream_.reset_position();
  const std::chrono::nanoseconds timeout(settings_->copy().flush_timeout_ns);
  if (timeout.count() == 0) return true;
  return run_guarded(element(), ErrorContext::kSettings, [&] {
    flush_timer_.emplace(timeout, [this](FlushTimer& timer) { drain_after_timeout(timer); });
  });
}

void SignalFlow::stop() {
  flush_timer_.reset();
  running_.reset();
  stats_.set_stream({});
}

// Engines

RunningEngine SignalFlow::make_running(const GstAudioInfo& in, const GstAudioInfo& out) {
  const bool is_analyzer = gst_base_transform_is_passthrough(element_);
  const int in_hz = GST_AUDIO_INFO_RATE(&in);
  std::unique_ptr<Engine> engine = host_->make_engine(in, out);
  RunningEngine::Format format{in, out, Rational(GST_AUDIO_INFO_RATE(&out)), is_analyzer};
  if (is_analyzer) {
    format.out = host_->analysis_format(in);
    format.out_hz = Rational(in_hz) * engine->timing().rate();
  }
  const GstClockTime block_ns = settings_->copy().block_ns;
  const int64_t block_frames = gst_util_uint64_scale_round(block_ns, in_hz, GST_SECOND);
  return RunningEngine(format, std::move(engine), std::max<int64_t>(1, block_frames));
}

bool SignalFlow::open(const GstAudioInfo& in, const GstAudioInfo& out) {
  const GstClockTime next_pts = running_ ? running_->timeline().next_pts() : GST_CLOCK_TIME_NONE;
  wants_new_engine_ = false;
  running_.reset();
  bool is_open = true;
  if (!gst_base_transform_is_passthrough(element_) || host_->is_analyzer()) {
    is_open = run_guarded(element(), ErrorContext::kSettings, [&] {
      host_->begin_format(in);
      running_ = make_running(in, out);
    });
    if (running_) running_->timeline().restart(next_pts);
  }
  announce();
  return is_open;
}

/// Creates the engine for the current caps after a failure. This is necessary because
/// GstBaseTransform does not set the same caps again.
bool SignalFlow::reopen() {
  GstAudioInfo in, out;
  const auto read = [](GstPad* pad, GstAudioInfo* info) {
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    return caps && gst_audio_info_from_caps(info, caps);
  };
  return read(GST_BASE_TRANSFORM_SINK_PAD(element_), &in) &&
         read(GST_BASE_TRANSFORM_SRC_PAD(element_), &out) && open(in, out);
}

/// Drains the signal and continues with a new engine. If no engine can be created, posts a warning
/// and continues the signal with the old engine.
GstFlowReturn SignalFlow::renew() {
  std::optional<RunningEngine> next;
  if (!run_guarded(element(), ErrorContext::kNewSettings,
                   [&] { next = make_running(running_->in(), running_->out()); }))
    return GST_FLOW_OK;
  const GstFlowReturn result = drain();
  next->timeline().restart(running_->timeline().next_pts());
  running_ = std::move(next);
  announce();
  return result;
}

/// Publishes the facts of the running engine. Posts a latency message if the latency changed.
void SignalFlow::announce() {
  std::optional<StreamFacts> facts;
  if (running_) run_quietly(element(), [&] { facts = running_->update_facts(); });
  if (!stats_.set_stream(facts)) return;
  GST_INFO_OBJECT(element_, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS(stats_.latency_ns()));
  gst_element_post_message(element(), gst_message_new_latency(GST_OBJECT_CAST(element_)));
}

bool SignalFlow::hand_over(GstClockTime pts) {
  if (!run_guarded(element(), ErrorContext::kNewSettings, [&] {
        running_->hand_over(host_->make_engine(running_->in(), running_->out()), pts);
      }))
    return false;
  announce();
  return true;
}

bool SignalFlow::can_hand_over(const GstBuffer* buffer) const {
  return running_ && running_->is_in_signal() &&
         GST_CLOCK_TIME_IS_VALID(running_->timeline().next_pts()) &&
         running_->continues(buffer, jump_limits());
}

/// After the last frame of the old engine the new one continues alone.
void SignalFlow::end_handover() {
  const auto handed_over = running_->end_handover();
  if (!handed_over) return;
  announce();
  const GstSegment* segment = handed_over->segment ? handed_over->segment : &element_->segment;
  host_->end_handover(handed_over->pts, *segment);
}

// Input

/// With a negative rate, each signal precedes the previous one, and the limits of the properties
/// could join short signals in the wrong order.
JumpLimits SignalFlow::jump_limits() const {
  const int hz = GST_AUDIO_INFO_RATE(&running_->in());
  if (element_->segment.rate < 0) return {static_cast<GstClockTime>(GST_SECOND / 2 / hz)};
  const TransformSettings settings = settings_->copy();
  JumpLimits limits = {settings.tolerance_ns, settings.discont_wait_ns};
  if (settings.new_segment == NewSegment::kContinue &&
      element_->segment.format == GST_FORMAT_TIME) {
    limits.start_ns = element_->segment.start;
    limits.stop_ns = element_->segment.stop;
  }
  return limits;
}

/// Drains the signal if `buffer` does not continue it or a new engine was requested.
GstFlowReturn SignalFlow::begin_signal(GstBuffer* buffer) {
  if (wants_new_engine_.exchange(false)) {
    const GstFlowReturn flow = renew();
    if (flow != GST_FLOW_OK) return flow;
  }
  return running_->continues(buffer, jump_limits()) ? GST_FLOW_OK : drain();
}

/// Drains the signal because there is no audio before `pts`.
GstFlowReturn SignalFlow::skip_to(GstClockTime pts) {
  const GstFlowReturn result = drain();
  if (running_) running_->timeline().restart(pts);
  return result;
}

/// Clips `*buffer` to the segment. `*buffer` becomes null if nothing remains; otherwise the engine
/// processes it next.
GstFlowReturn SignalFlow::accept_input(GstBuffer** buffer) {
  running_->timeline().track_jump(GST_BUFFER_PTS(*buffer), jump_limits());
  running_->fill_in_pts(buffer);
  input_pts_ = GST_BUFFER_PTS(*buffer);
  const int64_t frames = frames_in(*buffer, running_->in());
  running_->clip(buffer, element_->segment);
  if (!*buffer && can_continue_in_segment()) return GST_FLOW_OK;
  if (!*buffer)
    return skip_to(input_pts_ +
                   gst_util_uint64_scale_round(frames, GST_SECOND, running_->in().rate));
  if (frames_in(*buffer, running_->in()) > 0)
    host_->before_input(running_->timeline().time_of_next(GST_BUFFER_PTS(*buffer)));
  return GST_FLOW_OK;
}

/// Overwrites a buffer that is flagged as a gap with silence. Returns false after an error.
bool SignalFlow::silence_gap_buffer(GstBuffer** buffer) {
  if (!GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_GAP)) return true;
  stats_.add_gap();
  return run_guarded(element(), ErrorContext::kStreaming,
                     [&] { make_silent(buffer, running_->in()); });
}

/// Processes `audio`, which stays unchanged, with the analyzer.
GstFlowReturn SignalFlow::analyze(GstBuffer* audio) {
  g_autoptr(GstBuffer) input = gst_buffer_ref(audio);
  GstFlowReturn flow = accept_input(&input);
  if (flow != GST_FLOW_OK || !input) return flow;
  if (!silence_gap_buffer(&input)) return GST_FLOW_ERROR;
  flow = run_engine(input, PushEnd::kNone);
  downstream_.take_frames(&*running_);
  return flow;
}

GstFlowReturn SignalFlow::submit(GstBuffer** buffer) {
  const bool is_inside = running_ && running_->is_in_signal() &&
                         !running_->timeline().is_at_seam() &&
                         running_->continues(*buffer, jump_limits());
  const unsigned flushes = flushes_;
  if (!gst_base_transform_reconfigure(element_)) {
    // A flush may have caused the failure and have ended meanwhile.
    const bool is_flushed =
        GST_PAD_IS_FLUSHING(GST_BASE_TRANSFORM_SRC_PAD(element_)) || flushes_ != flushes;
    return is_flushed ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
  if (!running_ && !gst_base_transform_is_passthrough(element_) && !reopen())
    return GST_FLOW_NOT_NEGOTIATED;
  if (!running_) return GST_FLOW_OK;
  const GstFlowReturn flow = begin_signal(*buffer);
  // After a change of engines the new signal continues the time of the old one, even if the PTS of
  // the buffer differs within the tolerance.
  running_->timeline().fix_start(is_inside && flow == GST_FLOW_OK);
  if (flow != GST_FLOW_OK) return flow;
  return running_->is_analyzer() ? analyze(*buffer) : accept_input(buffer);
}

GstFlowReturn SignalFlow::process(GstBuffer* input) {
  const GstFlowReturn flow = push_through(input);
  if (flush_timer_) flush_timer_->restart();
  return flow;
}

/// Takes ownership of `input`.
GstFlowReturn SignalFlow::push_through(GstBuffer* input) {
  g_autoptr(GstBuffer) buffer = input;
  if (gst_base_transform_is_passthrough(element_))
    return downstream_.push(std::exchange(buffer, nullptr));
  if (!silence_gap_buffer(&buffer)) return GST_FLOW_ERROR;
  const GstFlowReturn flow = run_engine(buffer, PushEnd::kNone);
  return flow == GST_FLOW_OK ? downstream_.push_queued(&*running_) : flow;
}

bool SignalFlow::fill_gap(GstEvent* event) {
  GstClockTime pts, duration;
  gst_event_parse_gap(event, &pts, &duration);
  stats_.add_gap();
  std::optional<int64_t> frames;
  if (running_) frames = running_->gap_frames(pts, duration, element_->segment, jump_limits());
  if (!frames) {
    skip_to(GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts);
    return false;
  }
  g_autoptr(GstBuffer) silence = nullptr;
  if (run_guarded(element(), ErrorContext::kStreaming,
                  [&] { silence = make_silence(running_->in(), *frames); }))
    run_engine(silence, PushEnd::kNone);
  downstream_.push_queued(&*running_);
  if (flush_timer_) flush_timer_->restart();
  return true;
}

bool SignalFlow::queue_event(GstEvent* event) {
  if (!GST_EVENT_IS_SERIALIZED(event) || !running_ || running_->is_analyzer()) return false;
  const int64_t frame = running_->timeline().due_frames_out();
  if (running_->output().empty() && frame <= running_->timeline().frames_out()) return false;
  run_guarded(element(), ErrorContext::kStreaming,
              [&] { running_->output().add_event(event, frame); });
  return true;
}

}  // namespace torchstreamer
