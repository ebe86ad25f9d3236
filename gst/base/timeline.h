// Timestamps of a signal, in GStreamer's time.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <vector>

#include "torchstreamer/timing.h"

namespace torchstreamer {

/// Limits of the difference between the PTS of a buffer and the end of the signal so far. A larger
/// difference is a jump.
struct JumpLimits {
  GstClockTime tolerance_ns;
  /// Duration of a jump that ends the signal, from the end of the signal where the jump started.
  /// Timestamps of live sources jitter, so shorter jumps are ignored. 0: every jump ends it.
  GstClockTime wait_ns = 0;
  /// Frames outside of these times are clipped; they are not a jump.
  GstClockTime start_ns = 0, stop_ns = GST_CLOCK_TIME_NONE;
};

/// Times of the input and output frames of one signal. They are computed from the PTS of the first
/// buffer and the number of frames since then, so that rounding errors do not accumulate. If the
/// signal continues in a new segment, the times start again at the seam, with the PTS of the first
/// buffer of that segment.
class Timeline {
 public:
  Timeline(int in_hz, Rational out_hz) : in_hz_(in_hz), out_hz_(out_hz) {}

  /// PTS of the next input frame; NONE if unknown.
  GstClockTime next_pts() const;
  /// PTS of the next input frame if its buffer has `pts`. Only the first buffer of a signal or of a
  /// segment sets the time. The PTS of later buffers, which may differ from the exact time within
  /// the limits, is ignored.
  GstClockTime time_of_next(GstClockTime pts) const;
  /// Returns true if a buffer at `pts` continues the signal; a buffer without PTS always does.
  ///
  /// The rule is that of GstAudioStreamAlign of GStreamer 1.24 and later, which its audio sources
  /// and sinks use, with exact times instead of times rounded to frames, so that the tolerance may
  /// be 0. It does not depend on the version of GStreamer.
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
  /// Continues the signal with the next input frame in the segment `to`: its running time is that
  /// of the end of the signal in `from`. Returns false if the running time is unknown or a rate is
  /// negative.
  bool continue_in(const GstSegment& from, const GstSegment& to);
  /// True if the next input frame is the first one of a segment in which the signal continues.
  bool is_at_seam() const { return frames_in_ > 0 && frames_in_ == sections_.back().first_in; }
  /// Segment of an output frame that has not been stamped; null if it is the current segment.
  const GstSegment* earlier_segment(int64_t frame_out) const;

  /// If true, the PTS of the next buffer, the first one of the signal, is ignored.
  void fix_start(bool is_fixed) { is_start_fixed_ = is_fixed; }

  /// Number of input frames from the next one to `pts`. The start time must be known.
  int64_t frames_until(GstClockTime pts) const;
  /// Number of output frames whose time is before that of the next input frame.
  int64_t due_frames_out() const;
  /// The output frame nearest to `pts`, in the current segment. The start time must be known.
  int64_t frame_out_at(GstClockTime pts) const;
  /// PTS of an input frame of the current segment; NONE if the start time is unknown.
  GstClockTime pts_of_frame_in(int64_t frame) const;
  /// PTS of an output frame that has not been stamped. The start time must be known.
  GstClockTime pts_of_frame_out(int64_t frame) const;

  int64_t frames_in() const { return frames_in_; }
  int64_t frames_out() const { return frames_out_; }

 private:
  /// Frames of the signal that belong to one segment.
  struct Section {
    int64_t first_in = 0, first_out = 0;
    GstClockTime start_ns = GST_CLOCK_TIME_NONE;  // PTS of frame `first_in`
    GstSegment segment = {};                      // set when the next section starts
  };

  const Section& section_of(int64_t frame_out) const;
  GstClockTime in_section(const Section& section, GstClockTime signal_ns) const;

  int in_hz_;
  Rational out_hz_;
  std::vector<Section> sections_{1};  // from that of the next output to that of the next input
  bool is_start_fixed_ = false;
  GstClockTime jump_ns_ = GST_CLOCK_TIME_NONE;  // end of the signal at the start of the jump
  int64_t frames_in_ = 0;
  int64_t frames_out_ = 0;
};

}  // namespace torchstreamer
