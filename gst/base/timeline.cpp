#include "base/timeline.h"

namespace torchstreamer {
namespace {

GstClockTime frames_to_ns(int64_t frames, Rational hz) {
  return gst_util_uint64_scale_round(frames, GST_SECOND * hz.den, hz.num);
}

GstClockTime distance_ns(GstClockTime a, GstClockTime b) { return a > b ? a - b : b - a; }

}  // namespace

GstClockTime Timeline::next_pts() const { return pts_of_frame_in(frames_in_); }

GstClockTime Timeline::pts_of_frame_in(int64_t frame) const {
  if (!GST_CLOCK_TIME_IS_VALID(start_ns_)) return GST_CLOCK_TIME_NONE;
  return start_ns_ + frames_to_ns(frame, in_hz_);
}

GstClockTime Timeline::time_of_next(GstClockTime pts) const {
  const bool is_given = frames_in_ == 0 && GST_CLOCK_TIME_IS_VALID(pts) && !is_start_fixed_;
  return is_given ? pts : next_pts();
}

bool Timeline::continues(GstClockTime pts, JumpLimits limits) const {
  if (frames_in_ == 0 || !GST_CLOCK_TIME_IS_VALID(pts)) return true;
  const GstClockTime due = next_pts();
  if (!GST_CLOCK_TIME_IS_VALID(due)) return false;
  if (distance_ns(pts, due) <= limits.tolerance_ns) return true;
  const GstClockTime since = GST_CLOCK_TIME_IS_VALID(jump_ns_) ? jump_ns_ : pts;
  return distance_ns(pts, since) < limits.wait_ns;
}

void Timeline::track_jump(GstClockTime pts, JumpLimits limits) {
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
  if (continues(pts, {limits.tolerance_ns}))
    jump_ns_ = GST_CLOCK_TIME_NONE;
  else if (!GST_CLOCK_TIME_IS_VALID(jump_ns_))
    jump_ns_ = pts;
}

int64_t Timeline::frames_until(GstClockTime pts) const {
  if (pts < start_ns_) return -frames_in_;
  return gst_util_uint64_scale_round(pts - start_ns_, in_hz_, GST_SECOND) - frames_in_;
}

int64_t Timeline::due_frames_out() const {
  return gst_util_uint64_scale_ceil(frames_in_, out_hz_.num, in_hz_ * out_hz_.den);
}

int64_t Timeline::frame_out_at(GstClockTime pts) const {
  if (pts < start_ns_) return 0;
  return gst_util_uint64_scale_round(pts - start_ns_, out_hz_.num, GST_SECOND * out_hz_.den);
}

GstClockTime Timeline::pts_of_frame_out(int64_t frame) const {
  return start_ns_ + frames_to_ns(frame, out_hz_);
}

void Timeline::add_input(GstClockTime pts, int64_t frames) {
  if (frames_in_ == 0) start_ns_ = time_of_next(pts);
  frames_in_ += frames;
}

void Timeline::stamp(GstBuffer* buffer, int64_t frames) {
  const int64_t end_frames = frames_out_ + frames;
  const GstClockTime begin_ns = frames_to_ns(frames_out_, out_hz_);
  const GstClockTime end_ns = frames_to_ns(end_frames, out_hz_);
  guint64 first_frame = 0;
  if (GST_CLOCK_TIME_IS_VALID(start_ns_)) {
    GST_BUFFER_PTS(buffer) = start_ns_ + begin_ns;
    first_frame = gst_util_uint64_scale_round(start_ns_, out_hz_.num, GST_SECOND * out_hz_.den);
  }
  GST_BUFFER_DURATION(buffer) = end_ns - begin_ns;
  GST_BUFFER_OFFSET(buffer) = first_frame + frames_out_;
  GST_BUFFER_OFFSET_END(buffer) = first_frame + end_frames;
  frames_out_ = end_frames;
}

void Timeline::restart(GstClockTime pts) {
  start_ns_ = pts;
  is_start_fixed_ = false;
  jump_ns_ = GST_CLOCK_TIME_NONE;
  frames_in_ = 0;
  frames_out_ = 0;
}

}  // namespace torchstreamer
