// Functions of SignalFlow for the output of engines and the ends of signals.
#include "base/exceptions.h"
#include "base/signal_flow.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY_EXTERN(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace torchstreamer {

/// Processes the frames of `in` (null: none) with the engine and queues its output. At the end of a
/// signal, an error of the model is a warning: for example, the model may not take its length.
GstFlowReturn SignalFlow::run_engine(GstBuffer* in, PushEnd end) {
  bool is_refused = false;
  const bool is_guarded = run_guarded(element(), ErrorContext::kStreaming, [&] {
    Pushed pushed;
    try {
      pushed = running_->push(element_, in, end);
    } catch (const Error&) {
      if (end != PushEnd::kSignal) throw;
      is_refused = true;
      return post_current_exception(element(), ErrorContext::kSignalEnd);
    }
    end_handover();
    running_->add_input(in, pushed);
    stats_.add(pushed.progress);
    running_->queue_output(&pushed, in, input_pts_);
  });
  if (is_guarded && !is_refused) return GST_FLOW_OK;
  reset_after_error();
  return is_refused ? GST_FLOW_OK : GST_FLOW_ERROR;
}

/// Queues the remaining output of the signal. The frames of the last block are processed before the
/// end, so that their output is not lost if the end is refused.
GstFlowReturn SignalFlow::push_tail() {
  const GstFlowReturn flow =
      running_->has_waiting_frames() ? run_engine(nullptr, PushEnd::kBlock) : GST_FLOW_OK;
  return flow == GST_FLOW_OK ? run_engine(nullptr, PushEnd::kSignal) : flow;
}

/// After a failed push the signal is lost; the stream continues with the next one.
void SignalFlow::reset_after_error() {
  run_quietly(element(), [&] { running_->reset_engine(); });
  end_handover();
  running_->drop_signal();
  stats_.add({});
}

GstFlowReturn SignalFlow::drain() {
  if (!running_) return GST_FLOW_OK;
  if (!running_->is_in_signal()) return downstream_.push_queued(&*running_);
  GstFlowReturn result = push_tail();
  running_->output().end_signal();
  const GstFlowReturn pushed = downstream_.push_queued(&*running_);
  if (result == GST_FLOW_OK) result = pushed;
  running_->timeline().restart();
  stats_.add_reset();
  if (result != GST_FLOW_OK) GST_DEBUG_OBJECT(element_, "tail: %s", gst_flow_get_name(result));
  return result;
}

/// True if there is a signal that the next segment may continue. The frames of an analyzer do not
/// continue, because their messages have times of one segment.
bool SignalFlow::can_continue_in_segment() const {
  return running_ && running_->is_in_signal() && !running_->is_analyzer() &&
         settings_->copy().new_segment == NewSegment::kContinue;
}

bool SignalFlow::end_segment(GstEvent* event) {
  if (can_continue_in_segment()) return queue_event(event);
  drain();
  return false;
}

bool SignalFlow::begin_segment(GstEvent* event) {
  GstSegment segment;
  gst_event_copy_segment(event, &segment);
  if (!can_continue_in_segment() || !running_->timeline().continue_in(element_->segment, segment)) {
    drain();
    flush();
    return false;
  }
  if (!queue_event(event)) return false;
  element_->segment = segment;  // as GstBaseTransform does when it forwards the event
  return true;
}

void SignalFlow::drain_after_timeout(FlushTimer& timer) {
  GstPad* sink = GST_BASE_TRANSFORM_SINK_PAD(element_);
  GST_PAD_STREAM_LOCK(sink);
  if (timer.take_timeout()) drain();
  GST_PAD_STREAM_UNLOCK(sink);
}

void SignalFlow::flush() {
  downstream_.reset_position();
  if (!running_) return;
  run_guarded(element(), ErrorContext::kStreaming, [&] { running_->reset_engine(); });
  end_handover();
  if (running_->is_in_signal()) stats_.add_reset();
  running_->flush(GST_BASE_TRANSFORM_SRC_PAD(element_));
}

}  // namespace torchstreamer
