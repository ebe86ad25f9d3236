// Statistics of an element, for its property "stats".
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>

#include "base/histogram.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// Properties of a stream that are constant while its engine runs.
struct StreamFacts {
  /// `in_hz`: rate of the input, which is processed in blocks of `block_frames`. May throw.
  StreamFacts(const Engine& engine, int in_hz, int64_t block_frames);

  Rational rate;              ///< output frames per input frame
  guint64 look_ahead_frames;  ///< look-ahead in input frames, rounded up
  guint64 look_ahead_ns;      ///< exact look-ahead, rounded up to nanoseconds
  /// Look-ahead, the wait for full blocks, and the wait for pushes of other elements.
  guint64 latency_ns;
  guint64 receptive_field_frames;  ///< receptive field in input frames
};

/// Changes of the counters by one push.
struct Progress {
  int in_hz = 1;
  gint64 frames_in = 0, frames_out = 0;
  gint64 waiting_frames = 0;  ///< input frames that wait for the end of their block
  /// Computing time of the engine; none if the block is not full.
  std::optional<guint64> compute_ns;
  gint64 held_bytes = 0;
  gint64 recoveries = 0;  ///< resets of a non-finite recurrent state
};

/// Counters that are written by the streaming thread and read by any thread. Every read is
/// consistent.
class Stats {
 public:
  /// Resets the counters.
  void start();
  /// Sets the facts of the running stream; none in passthrough and without caps. Returns true if
  /// the latency changed.
  bool set_stream(std::optional<StreamFacts> facts);
  void add(const Progress& progress);
  /// Counts a gap in the input.
  void add_gap();
  /// Counts the end of a signal. Sets the memory held for it to 0.
  void add_reset();

  guint64 latency_ns() const;
  /// The caller owns the result.
  GstStructure* to_structure() const;

 private:
  struct Counts {
    guint64 frames_in = 0, frames_out = 0, resets = 0, gaps = 0, recoveries = 0;
    guint64 queued_frames = 0, held_bytes = 0;
    double audio_ns = 0, compute_ns = 0;
    DurationHistogram pushes;
  };

  mutable std::mutex mutex_;
  std::optional<StreamFacts> facts_;
  Counts counts_;
};

}  // namespace torchstreamer
