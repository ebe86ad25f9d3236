// The source pad of an element: pushes output and keeps its position.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <atomic>

#include "base/engine_host.h"
#include "base/running_engine.h"

namespace torchstreamer {

/// Used by the streaming thread only, except position_ns().
class Downstream {
 public:
  Downstream(GstBaseTransform* element, EngineHost* host) : element_(element), host_(host) {}

  /// Takes ownership of `buffer`.
  GstFlowReturn push(GstBuffer* buffer);
  /// Pushes all queued events and buffers of `running`. Returns the first result that is not OK.
  GstFlowReturn push_queued(RunningEngine* running);
  /// Passes the queued frames of an analyzer to the host.
  void take_frames(RunningEngine* running) { next_buffer(running); }

  /// Time of the end of the last pushed output; NONE if there is none. Any thread.
  GstClockTime position_ns() const { return position_ns_; }
  void reset_position() { position_ns_ = GST_CLOCK_TIME_NONE; }

 private:
  GstBuffer* next_buffer(RunningEngine* running);

  GstBaseTransform* const element_;
  EngineHost* const host_;
  std::atomic<GstClockTime> position_ns_ = GST_CLOCK_TIME_NONE;
};

}  // namespace torchstreamer
