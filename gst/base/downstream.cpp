#include "base/downstream.h"

#include <algorithm>

namespace torchstreamer {

GstFlowReturn Downstream::push(GstBuffer* buffer) {
  const GstClockTime pts = GST_BUFFER_PTS(buffer), duration = GST_BUFFER_DURATION(buffer);
  // With a negative rate, the frames of a signal are in forward order, but each signal ends before
  // the start of the previous one.
  if (element_->segment.rate < 0)
    position_ns_ = std::min<GstClockTime>(position_ns_, pts);
  else if (GST_CLOCK_TIME_IS_VALID(pts))
    position_ns_ = GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts;
  return gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(element_), buffer);
}

GstFlowReturn Downstream::push_queued(RunningEngine* running) {
  GstFlowReturn result = GST_FLOW_OK;
  while (GstBuffer* buffer = next_buffer(running)) {
    const GstFlowReturn flow = push(buffer);
    if (result == GST_FLOW_OK) result = flow;
  }
  return result;
}

/// Pushes queued events and passes analyzed frames to the host until the next buffer. Returns that
/// buffer, which the caller owns; null if there is none.
GstBuffer* Downstream::next_buffer(RunningEngine* running) {
  while (GstMiniObject* object = running->output().pop()) {
    if (GST_IS_EVENT(object)) {
      gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_), GST_EVENT_CAST(object));
    } else if (running->is_analyzer()) {
      host_->take_frame(GST_BUFFER_CAST(object));
      gst_mini_object_unref(object);
    } else {
      return GST_BUFFER_CAST(object);
    }
  }
  return nullptr;
}

}  // namespace torchstreamer
