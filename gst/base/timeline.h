// When the frames of a signal were and are to be heard, in GStreamer's time.
#pragma once

#include <gst/gst.h>

#include <cstdint>

#include "torchstreamer/timing.h"

namespace torchstreamer {

/// The time of one signal's frames on both sides of a stream. Time is counted in frames from the
/// PTS of the signal's first buffer, so rounding never adds up.
class Timeline {
 public:
  Timeline(int in_hz, Rational out_hz) : in_hz_(in_hz), out_hz_(out_hz) {}

  /// Where the next input frame is due; NONE where nothing is known of time.
  GstClockTime next_pts() const;
  /// The time of the next input frame where its buffer says `pts`, which only counts where the
  /// signal starts: later ones differ by no more than the tolerance.
  GstClockTime time_of_next(GstClockTime pts) const;
  /// Whether a buffer at `pts` goes on with the signal: one without PTS always does.
  bool continues(GstClockTime pts, GstClockTime tolerance_ns) const;

  /// `frames` input frames arrived, in a buffer that says `pts`.
  void take(GstClockTime pts, int64_t frames);
  /// Gives `buffer`, the next `frames` output frames, its PTS, duration and offsets. Offsets count
  /// output frames from PTS 0.
  void stamp(GstBuffer* buffer, int64_t frames);

  /// The signal ended. The next one follows it unless its first PTS says otherwise.
  void restart() { restart(next_pts()); }
  /// The signal ended. The next one starts at `pts` unless its first PTS says otherwise.
  void restart(GstClockTime pts);
  /// Whether it starts there even if its first PTS, which comes next, says otherwise.
  void fix_start(bool is_fixed) { is_start_fixed_ = is_fixed; }

  /// Input frames from those that arrived to `pts`, in a signal that knows its time.
  int64_t frames_until(GstClockTime pts) const;
  /// The output frames whose time is before that of the next input frame.
  int64_t due_frames_out() const;
  /// The output frame that is nearest to `pts`, but never one before the signal, and its PTS, in a
  /// signal that knows its time.
  int64_t frame_out_at(GstClockTime pts) const;
  GstClockTime pts_of_frame_out(int64_t frame) const;

  int64_t frames_in() const { return frames_in_; }
  int64_t frames_out() const { return frames_out_; }

 private:
  int in_hz_;
  Rational out_hz_;
  GstClockTime start_ns_ = GST_CLOCK_TIME_NONE;
  bool is_start_fixed_ = false;
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
};

}  // namespace torchstreamer
