// The interface by which the base runs what an element makes.
#pragma once

#include <gst/audio/audio.h>

#include <memory>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// An element on the base TsTransform. All functions but add_stats() are called by the streaming
/// thread. An element without analyzers and handovers implements make_engine() only.
class EngineHost {
 public:
  virtual ~EngineHost() = default;

  /// Returns a fresh engine for audio in the formats `in` and `out`. May throw.
  virtual std::unique_ptr<Engine> make_engine(const GstAudioInfo& in, const GstAudioInfo& out) = 0;

  /// The signal before a change of caps has ended; audio in the format `in` follows. make_engine()
  /// is called next. May throw.
  virtual void begin_format(const GstAudioInfo& in) {}

  /// The engine processes next the input frame at `pts` (after clipping; NONE: unknown).
  virtual void before_input(GstClockTime pts) {}

  /// A handover that SignalFlow::hand_over() started has ended: with the output frame at `pts`, or
  /// before any output of the new engine if the signal ended earlier (NONE).
  virtual void end_handover(GstClockTime pts) {}

  /// True if the engine analyzes the audio of an element in passthrough: the audio passes
  /// unchanged, the output of the engine goes to take_frame().
  virtual bool is_analyzer() const { return false; }
  /// Format of the analyzer's output; its rate is ignored. May throw.
  virtual GstAudioInfo analysis_format(const GstAudioInfo& in) { return in; }
  /// Receives the analyzer's output, one frame with PTS and duration at a time.
  virtual void take_frame(GstBuffer* frame) {}

  /// Adds fields to the statistics of the element. Any thread.
  virtual void add_stats(GstStructure* stats) {}
};

}  // namespace torchstreamer
