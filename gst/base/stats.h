// What an element tells about its stream.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>

#include "base/histogram.h"
#include "torchstreamer/engine.h"

namespace torchstreamer {

/// What stays the same while an engine runs.
struct StreamFacts {
  /// `in_hz`: the rate of what goes in, in blocks of `block_frames`. May throw.
  StreamFacts(const Engine& engine, int in_hz, int64_t block_frames);

  Rational rate;                   ///< output frames per input frame
  guint64 look_ahead_frames;       ///< of the input, rounded up
  guint64 look_ahead_ns;           ///< the same, exact, rounded up to nanoseconds
  guint64 latency_ns;              ///< the look-ahead and the wait for blocks
  guint64 receptive_field_frames;  ///< of the input
};

/// What came of some input.
struct Progress {
  int in_hz = 1;
  gint64 frames_in = 0, frames_out = 0;
  gint64 waiting_frames = 0;          ///< input frames in all that the engine did not take yet
  std::optional<guint64> compute_ns;  ///< of the push, where there was one
  gint64 held_bytes = 0;
  gint64 recoveries = 0;  ///< new ones
};

/// The streaming thread writes, any thread reads: what is read together belongs together.
class Stats {
 public:
  /// The element starts: nothing was counted yet.
  void start();
  /// The stream that runs from now on; none in passthrough and where there are no caps. Returns
  /// whether the latency is another one than before.
  bool set_stream(std::optional<StreamFacts> facts);
  void add(const Progress& progress);
  /// A stretch of input that has no audio came.
  void add_gap();
  /// A signal ended or was given up: nothing of it is held any more.
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
