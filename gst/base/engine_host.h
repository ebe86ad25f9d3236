// The interface between the base and an element.
#pragma once

#include <gst/audio/audio.h>

#include <memory>

#include "torchstreamer/engine.h"

namespace torchstreamer {

/// An element that is derived from TsTransform. All functions except add_stats() are called by the
/// streaming thread. An element without analyzers and handovers implements only make_engine().
class EngineHost {
 public:
  virtual ~EngineHost() = default;

  /// Returns a new engine for audio in the formats `in` and `out`. May throw.
  virtual std::unique_ptr<Engine> make_engine(const GstAudioInfo& in, const GstAudioInfo& out) = 0;

  /// Called during a change of caps, after the last signal with the old caps has ended. Audio in
  /// the format `in` follows. make_engine() is called next. May throw.
  virtual void begin_format(const GstAudioInfo& in) {}

  /// Called before the engine processes a buffer. `pts`: PTS of its first frame after clipping;
  /// NONE if unknown.
  virtual void before_input(GstClockTime pts) {}

  /// Called when a handover started by SignalFlow::hand_over() has ended. `pts`: PTS of the first
  /// output frame of the new engine in `segment`; NONE if the signal ended before it.
  virtual void end_handover(GstClockTime pts, const GstSegment& segment) {}

  /// Returns true if the engine analyzes the audio of an element in passthrough: the audio is
  /// pushed unchanged, and the output of the engine is passed to take_frame().
  virtual bool is_analyzer() const { return false; }
  /// Format of the analyzer's output; its rate is ignored. May throw.
  virtual GstAudioInfo analysis_format(const GstAudioInfo& in) { return in; }
  /// Called with each output frame of the analyzer, with PTS and duration.
  virtual void take_frame(GstBuffer* frame) {}

  /// Adds fields to the statistics of the element. Any thread.
  virtual void add_stats(GstStructure* stats) {}
};

}  // namespace torchstreamer
