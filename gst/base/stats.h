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

  Rational rate;                   ///< output frames per input frame
  guint64 look_ahead_frames;       ///< of the input, rounded up
  guint64 look_ahead_ns;           ///< the same, exact, rounded up to nanoseconds
  guint64 latency_ns;              ///< look-ahead and waiting for blocks
  guint64 receptive_field_frames;  ///< of the input
};

/// Changes of the counters by one push.
struct Progress {
  int in_hz = 1;
  gint64 frames_in = 0, frames_out = 0;
  gint64 waiting_frames = 0;          ///< input frames that wait for the end of their block
  std::optional<guint64> compute_ns;  ///< of the engine; none if the block is not full
  gint64 held_bytes = 0;
  gint64 recoveries = 0;  ///< resets of a non-finite recurrent state
};

/// Written by the streaming thread, read by any thread. A reading is consistent.
class Stats {
 public:
  /// Resets the counters.
  void start();
  /// Sets the running stream; none in passthrough and without caps. Returns true if the latency
  /// changed.
  bool set_stream(std::optional<StreamFacts> facts);
  void add(const Progress& progress);
  /// Counts a gap in the input.
  void add_gap();
  /// Counts the end of a signal, after which no memory is held for it.
  void add_reset();

  guint64 latency_ns() const;
  /// The caller owns it.
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
