// What an element tells about its stream.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>

#include "engine.h"

namespace torchstreamer {

/// What stays the same while an engine runs.
struct StreamFacts {
  /// `in_hz`: the rate of what goes in. May throw.
  StreamFacts(const Engine& engine, int in_hz);

  Rational rate;                   ///< output frames per input frame
  guint64 look_ahead_frames;       ///< of the input, rounded up
  guint64 look_ahead_ns;           ///< the same, exact, rounded up to nanoseconds
  guint64 receptive_field_frames;  ///< of the input
};

/// The streaming thread writes, any thread reads: what is read together belongs together.
class Stats {
 public:
  /// The element starts: nothing was counted yet.
  void start();
  /// The stream that runs from now on; none in passthrough and where there are no caps. Returns
  /// whether the latency is another one than before.
  bool set_stream(std::optional<StreamFacts> facts);
  /// A push.
  void add(gint64 frames_in, gint64 frames_out, gint64 held_bytes);
  /// A signal ended or was given up: nothing of it is held any more.
  void add_reset();

  guint64 latency_ns() const;
  /// The caller owns it.
  GstStructure* to_structure() const;

 private:
  mutable std::mutex mutex_;
  std::optional<StreamFacts> facts_;
  guint64 frames_in_ = 0, frames_out_ = 0, resets_ = 0, held_bytes_ = 0;
};

}  // namespace torchstreamer
