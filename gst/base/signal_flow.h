// The streaming thread of an element: input buffers and events in, output downstream.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <atomic>
#include <optional>

#include "base/downstream.h"
#include "base/engine_host.h"
#include "base/locked_settings.h"
#include "base/running_engine.h"
#include "base/settings.h"
#include "base/stats.h"
#include "process/flush_timer.h"

namespace torchstreamer {

/// Processes the signals of one element with its engines. A signal is audio without a
/// discontinuity. It is drained before the next signal starts.
///
///     submit()        (1) renegotiates; drains the signal if `buffer` does not continue it
///                     (2) clips the buffer to the segment
///     process()       (3) pushes it through the engine
///                     (4) pushes the queued output downstream
///
/// All functions are called by the streaming thread, except those marked "Any thread". If there is
/// a timeout of the input, its thread drains the signal while it holds the stream lock of the sink
/// pad. Errors are posted as messages of the element.
class SignalFlow {
 public:
  SignalFlow(GstBaseTransform* element, EngineHost* host,
             const LockedSettings<TransformSettings>* settings);

  /// Returns false after an error.
  bool start();
  void stop();

  /// Creates the engine for these formats, if the element needs one. Returns false after an error.
  bool open(const GstAudioInfo& in, const GstAudioInfo& out);
  /// Steps (1) and (2). `*buffer` becomes null if no part of it is inside the segment.
  GstFlowReturn submit(GstBuffer** buffer);
  /// Steps (3) and (4). Takes ownership of `buffer`.
  GstFlowReturn process(GstBuffer* buffer);

  /// Ends the signal: the remaining output is pushed, the next input starts a new signal.
  GstFlowReturn drain();
  /// Drops the signal without output. The next input starts a new signal.
  void flush();
  /// Starts the next segment with `event`. The signal ends, unless segments continue it. Takes
  /// ownership of `event` and returns true if it must wait for the output of the frames before it.
  bool begin_segment(GstEvent* event);
  /// Handles the event at the end of a segment like begin_segment().
  bool end_segment(GstEvent* event);
  /// A flush has started. Any thread.
  void begin_flush() { ++flushes_; }
  /// Processes a gap shorter than the receptive field as silence and returns true. A longer one
  /// drains the signal; the caller forwards it.
  bool fill_gap(GstEvent* event);
  /// Takes ownership of a serialized event if it must wait for the output of the frames before it.
  /// Returns false if the caller may forward it at once.
  bool queue_event(GstEvent* event);

  /// Drains the signal before the next buffer and continues with a new engine. Any thread.
  void request_new_engine() { wants_new_engine_ = true; }
  /// Continues the signal with a new engine without a seam, see RunningEngine::hand_over(). The new
  /// engine must have the same formats. Returns false after a warning.
  bool hand_over(GstClockTime pts);
  /// Returns true if `buffer` continues a signal with a known time.
  bool can_hand_over(const GstBuffer* buffer) const;
  /// Sets inputs of the running model, see Engine::set_inputs(). May throw.
  void set_inputs(const NamedValues& inputs) {
    if (running_) running_->set_inputs(inputs);
  }
  bool is_handing_over() const { return running_ && running_->is_handing_over(); }

  /// Sets the PTS of a buffer that has none to the end of the signal so far.
  void fill_in_pts(GstBuffer** buffer) const {
    if (running_) running_->fill_in_pts(buffer);
  }

  /// Any thread.
  const Stats& stats() const { return stats_; }
  /// Time of the end of the last pushed output; NONE if there is none. Any thread.
  GstClockTime position_ns() const { return downstream_.position_ns(); }

 private:
  GstElement* element() const { return GST_ELEMENT_CAST(element_); }
  RunningEngine make_running(const GstAudioInfo& in, const GstAudioInfo& out);
  bool reopen();
  GstFlowReturn renew();
  void announce();

  bool can_continue_in_segment() const;
  JumpLimits jump_limits() const;
  GstFlowReturn begin_signal(GstBuffer* buffer);
  GstFlowReturn skip_to(GstClockTime pts);
  GstFlowReturn accept_input(GstBuffer** buffer);
  GstFlowReturn analyze(GstBuffer* audio);
  bool silence_gap_buffer(GstBuffer** buffer);

  GstFlowReturn push_through(GstBuffer* input);
  void drain_after_timeout(FlushTimer& timer);
  GstFlowReturn run_engine(GstBuffer* in, PushEnd end);
  GstFlowReturn push_tail();
  void reset_after_error();
  void end_handover();

  GstBaseTransform* const element_;
  EngineHost* const host_;
  const LockedSettings<TransformSettings>* const settings_;
  std::optional<RunningEngine> running_;  // none without caps, and in passthrough
  Downstream downstream_;
  std::optional<FlushTimer> flush_timer_;         // none without a timeout
  GstClockTime input_pts_ = GST_CLOCK_TIME_NONE;  // PTS of the current input buffer before clipping
  std::atomic<bool> wants_new_engine_ = false;
  std::atomic<unsigned> flushes_ = 0;
  Stats stats_;
};

}  // namespace torchstreamer
