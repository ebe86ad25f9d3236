// Timestamps of a signal, in GStreamer's time.
#pragma once

#include <gst/gst.h>

#include <cstdint>

#include "torchstreamer/timing.h"

namespace torchstreamer {

/// Limits of the difference between the PTS of a buffer and the end of the signal so far. A larger
/// difference is a jump.
struct JumpLimits {
  GstClockTime tolerance_ns;
  /// Duration of a jump that ends the signal. Timestamps of live sources jitter, so shorter jumps
  /// are ignored. 0: every jump ends it.
  GstClockTime wait_ns = 0;
};

/// Times of the input and output frames of one signal. They are computed from the PTS of the first
/// buffer and the number of frames since then, so that rounding errors do not accumulate.
class Timeline {
 public:
  Timeline(int in_hz, Rational out_hz) : in_hz_(in_hz), out_hz_(out_hz) {}

  /// PTS of the next input frame; NONE if unknown.
  GstClockTime next_pts() const;
  /// PTS of the next input frame if its buffer has `pts`. Only the first buffer of a signal sets
  /// the time. The PTS of later buffers, which may differ from the exact time within the limits, is
  /// ignored.
  GstClockTime time_of_next(GstClockTime pts) const;
  /// Returns true if a buffer at `pts` continues the signal; a buffer without PTS always does.
  ///
  /// Equals GstAudioStreamAlign, which GStreamer's audio sources and sinks use, but computes exact
  /// times instead of times rounded to frames, so that the tolerance may be 0.
  bool continues(GstClockTime pts, JumpLimits limits) const;
  /// Starts or ends a jump with a buffer at `pts` that continues the signal.
  void track_jump(GstClockTime pts, JumpLimits limits);

  /// Counts `frames` input frames in a buffer at `pts`.
  void add_input(GstClockTime pts, int64_t frames);
  /// Sets PTS, duration and offsets of `buffer`, the next `frames` output frames. An offset is a
  /// number of output frames since PTS 0.
  void stamp(GstBuffer* buffer, int64_t frames);

  /// Starts a new signal. It continues the time of the old one unless its first buffer has a PTS.
  void restart() { restart(next_pts()); }
  /// Starts a new signal at `pts` unless its first buffer has a different PTS.
  void restart(GstClockTime pts);
  /// If true, the PTS of the next buffer, the first one of the signal, is ignored.
  void fix_start(bool is_fixed) { is_start_fixed_ = is_fixed; }

  /// Number of input frames from the next one to `pts`. The start time must be known.
  int64_t frames_until(GstClockTime pts) const;
  /// Number of output frames whose time is before that of the next input frame.
  int64_t due_frames_out() const;
  /// The output frame nearest to `pts`, at least 0. The start time must be known.
  int64_t frame_out_at(GstClockTime pts) const;
  /// PTS of an input frame; NONE if the start time is unknown.
  GstClockTime pts_of_frame_in(int64_t frame) const;
  /// PTS of an output frame. The start time must be known.
  GstClockTime pts_of_frame_out(int64_t frame) const;

  int64_t frames_in() const { return frames_in_; }
  int64_t frames_out() const { return frames_out_; }

 private:
  int in_hz_;
  Rational out_hz_;
  GstClockTime start_ns_ = GST_CLOCK_TIME_NONE;
  bool is_start_fixed_ = false;
  GstClockTime jump_ns_ = GST_CLOCK_TIME_NONE;  // first PTS of the current jump; NONE: no jump
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
};

}  // namespace torchstreamer
