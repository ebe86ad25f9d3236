#include "base/timeline.h"

#include <algorithm>

namespace torchstreamer {
namespace {

GstClockTime frames_to_ns(int64_t frames, Rational hz) {
  return gst_util_uint64_scale_round(frames, GST_SECOND * hz.den, hz.num);
}

GstClockTime distance_ns(GstClockTime a, GstClockTime b) { return a > b ? a - b : b - a; }

}  // namespace

GstClockTime Timeline::next_pts() const { return pts_of_frame_in(frames_in_); }

GstClockTime Timeline::pts_of_frame_in(int64_t frame) const {
  return in_section(sections_.back(), frames_to_ns(frame, in_hz_));
}

/// Returns the PTS of the time `signal_ns` since the start of the signal.
GstClockTime Timeline::in_section(const Section& section, GstClockTime signal_ns) const {
  if (!GST_CLOCK_TIME_IS_VALID(section.start_ns)) return GST_CLOCK_TIME_NONE;
  return section.start_ns + signal_ns - frames_to_ns(section.first_in, in_hz_);
}

const Timeline::Section& Timeline::section_of(int64_t frame_out) const {
  size_t i = sections_.size() - 1;
  while (i > 0 && sections_[i].first_out > frame_out) --i;
  return sections_[i];
}

const GstSegment* Timeline::earlier_segment(int64_t frame_out) const {
  const Section& section = section_of(frame_out);
  return &section == &sections_.back() ? nullptr : &section.segment;
}

bool Timeline::continue_in(const GstSegment& from, const GstSegment& to) {
  const GstClockTime end_ns = next_pts();
  if (from.format != GST_FORMAT_TIME || to.format != GST_FORMAT_TIME || from.rate <= 0 ||
      to.rate <= 0 || !GST_CLOCK_TIME_IS_VALID(end_ns))
    return false;
  // The last frame may end after the end of the segment.
  guint64 running_time, start_ns;
  if (gst_segment_to_running_time_full(&from, GST_FORMAT_TIME, end_ns, &running_time) <= 0)
    return false;
  if (gst_segment_position_from_running_time_full(&to, GST_FORMAT_TIME, running_time, &start_ns) <=
      0)
    start_ns = to.start;
  sections_.back().segment = from;
  sections_.push_back({frames_in_, std::max(due_frames_out(), frames_out_), start_ns, {}});
  jump_ns_ = GST_CLOCK_TIME_NONE;
  return true;
}

GstClockTime Timeline::time_of_next(GstClockTime pts) const {
  const bool is_first = frames_in_ == 0 || is_at_seam();
  return is_first && GST_CLOCK_TIME_IS_VALID(pts) && !is_start_fixed_ ? pts : next_pts();
}

bool Timeline::continues(GstClockTime pts, JumpLimits limits) const {
  if (frames_in_ == 0 || !GST_CLOCK_TIME_IS_VALID(pts)) return true;
  const GstClockTime due = next_pts();
  if (!GST_CLOCK_TIME_IS_VALID(due)) return false;
  pts = std::clamp(pts, limits.start_ns, limits.stop_ns);
  if (distance_ns(pts, due) <= limits.tolerance_ns) return true;
  const GstClockTime since = GST_CLOCK_TIME_IS_VALID(jump_ns_) ? jump_ns_ : due;
  return distance_ns(pts, since) < limits.wait_ns;
}

void Timeline::track_jump(GstClockTime pts, JumpLimits limits) {
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
  limits.wait_ns = 0;
  if (continues(pts, limits))
    jump_ns_ = GST_CLOCK_TIME_NONE;
  else if (!GST_CLOCK_TIME_IS_VALID(jump_ns_))
    jump_ns_ = next_pts();
}

int64_t Timeline::frames_until(GstClockTime pts) const {
  const Section& section = sections_.back();
  const int64_t frames_in = frames_in_ - section.first_in;
  if (pts < section.start_ns) return -frames_in;
  return gst_util_uint64_scale_round(pts - section.start_ns, in_hz_, GST_SECOND) - frames_in;
}

int64_t Timeline::due_frames_out() const {
  return gst_util_uint64_scale_ceil(frames_in_, out_hz_.num, in_hz_ * out_hz_.den);
}

int64_t Timeline::frame_out_at(GstClockTime pts) const {
  const Section& section = sections_.back();
  if (pts < section.start_ns) return section.first_out;
  const GstClockTime signal_ns = pts - section.start_ns + frames_to_ns(section.first_in, in_hz_);
  return gst_util_uint64_scale_round(signal_ns, out_hz_.num, GST_SECOND * out_hz_.den);
}

GstClockTime Timeline::pts_of_frame_out(int64_t frame) const {
  return in_section(section_of(frame), frames_to_ns(frame, out_hz_));
}

void Timeline::add_input(GstClockTime pts, int64_t frames) {
  if (frames_in_ == sections_.back().first_in) sections_.back().start_ns = time_of_next(pts);
  frames_in_ += frames;
}

void Timeline::stamp(GstBuffer* buffer, int64_t frames) {
  while (sections_.size() > 1 && sections_[1].first_out <= frames_out_)
    sections_.erase(sections_.begin());
  const Section& section = sections_.front();
  const int64_t end_frames = frames_out_ + frames;
  const GstClockTime begin_ns = frames_to_ns(frames_out_, out_hz_);
  const GstClockTime end_ns = frames_to_ns(end_frames, out_hz_);
  guint64 first_frame = 0;
  if (GST_CLOCK_TIME_IS_VALID(section.start_ns)) {
    GST_BUFFER_PTS(buffer) = in_section(section, begin_ns);
    first_frame =
        gst_util_uint64_scale_round(section.start_ns, out_hz_.num, GST_SECOND * out_hz_.den);
  }
  GST_BUFFER_DURATION(buffer) = end_ns - begin_ns;
  GST_BUFFER_OFFSET(buffer) = first_frame + frames_out_ - section.first_out;
  GST_BUFFER_OFFSET_END(buffer) = first_frame + end_frames - section.first_out;
  frames_out_ = end_frames;
}

void Timeline::restart(GstClockTime pts) {
  sections_.resize(1);
  sections_.front() = {};
  sections_.front().start_ns = pts;
  is_start_fixed_ = false;
  jump_ns_ = GST_CLOCK_TIME_NONE;
  frames_in_ = 0;
  frames_out_ = 0;
}

}  // namespace torchstreamer
