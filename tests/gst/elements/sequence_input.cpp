// Actions of a sequence that continue a signal.
#include "gst/elements/sequence.h"

#include <cmath>
#include <tuple>

namespace torchstreamer::test {

GstClockTime Sequence::due_ns() const {
  if (!GST_CLOCK_TIME_IS_VALID(start_ns_)) return GST_CLOCK_TIME_NONE;
  return start_ns_ + to_ns(frames_of(in_), in_hz_);
}

bool Sequence::is_continuous_at(GstClockTime pts) const {
  if (frames_of(in_) == 0 || !GST_CLOCK_TIME_IS_VALID(pts)) return true;
  if (!GST_CLOCK_TIME_IS_VALID(due_ns())) return false;
  const GstClockTime tolerance = segment_.rate < 0 ? GST_SECOND / 2 / in_hz_ : 40 * GST_MSECOND;
  return static_cast<GstClockTime>(std::abs(GST_CLOCK_DIFF(pts, due_ns()))) <= tolerance;
}

GstClockTime Sequence::choose_pts(int64_t frames) {
  const GstClockTime due = due_ns();
  if (!GST_CLOCK_TIME_IS_VALID(due)) return one_of(5) == 0 ? due : first_ns_;
  const GstClockTime before = start_ns_ - to_ns(frames, in_hz_);
  if (segment_.rate < 0 && before < start_ns_ && one_of(2) == 0) return before;
  switch (one_of(12)) {
    case 0:
      return due + GST_SECOND;
    case 1:
      return GST_CLOCK_TIME_NONE;
    case 2:
      return due + one_of(40) * GST_MSECOND;
    case 3:
      return due - std::min<GstClockTime>(due, one_of(45) * GST_MSECOND);
    default:
      return due;
  }
}

void Sequence::push() {
  const int64_t frames = one_of(6) == 0 ? one_of(700) : one_of(60);
  const GstClockTime pts = choose_pts(frames);
  const GstAudioInfo info = make_info(audio(subject_.channels_in, in_hz_));
  Bytes bytes = make_noise(info, frames, random_());
  BufferPtr buffer = make_buffer(info, bytes, pts);
  const bool is_flagged = one_of(12) == 0, is_gap = one_of(8) == 0;
  if (is_flagged)
    GST_BUFFER_FLAG_SET(buffer.get(), one_of(2) ? GST_BUFFER_FLAG_DISCONT : GST_BUFFER_FLAG_RESYNC);
  if (is_gap) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_GAP);
  ASSERT_EQ(rig_.push(std::move(buffer)), GST_FLOW_OK);
  if (is_flagged || !is_continuous_at(pts)) end_signal();
  if (is_gap) bytes.assign(bytes.size(), 0);
  if (!testing::Test::HasFatalFailure()) append(floats(bytes), frames, pts);
}

void Sequence::append(const std::vector<float>& samples, int64_t frames, GstClockTime pts) {
  if (!GST_CLOCK_TIME_IS_VALID(pts)) pts = due_ns();
  int64_t first = 0, end = frames;
  if (GST_CLOCK_TIME_IS_VALID(pts) && frames > 0) {
    const GstClockTime end_ns = pts + to_ns(frames, in_hz_);
    if (end_ns <= segment_.start || pts >= segment_.stop) {
      end_signal();
      start_ns_ = end_ns;
      return;
    }
    if (pts < segment_.start) first = (segment_.start - pts) * in_hz_ / GST_SECOND;
    if (end_ns > segment_.stop) end -= (end_ns - segment_.stop) * in_hz_ / GST_SECOND;
    pts = std::max(pts, segment_.start);
  }
  if (frames_of(in_) == 0 && GST_CLOCK_TIME_IS_VALID(pts)) start_ns_ = pts;
  for (int64_t t = first; t < end; ++t)
    for (size_t c = 0; c < in_.size(); ++c) in_[c].push_back(samples[t * in_.size() + c]);
}

void Sequence::send_held(GstEventType type) {
  GstEvent* event = type == GST_EVENT_TAG
                        ? gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "title", nullptr))
                        : gst_event_new_custom(type, gst_structure_new_empty("custom"));
  const guint32 seqnum = gst_event_get_seqnum(event);
  rig_.send(event);
  const int64_t frames = frames_of(in_);
  if (frames == 0)
    output_.expect_event(type, seqnum);
  else
    held_.push_back({(frames * out_hz_ + in_hz_ - 1) / in_hz_, type, seqnum});
}

void Sequence::send_gap() {
  const GstClockTime pts = GST_CLOCK_TIME_IS_VALID(due_ns()) ? due_ns() : first_ns_;
  const GstClockTime duration =
      one_of(6) == 0 ? GST_CLOCK_TIME_NONE : one_of(20) * one_of(4) * 100 * GST_USECOND;
  GstEvent* event = gst_event_new_gap(pts, duration);
  const guint32 seqnum = gst_event_get_seqnum(event);
  rig_.send(event);
  if (GST_CLOCK_TIME_IS_VALID(duration) && append_gap(pts, duration)) return;
  end_signal();
  if (testing::Test::HasFatalFailure()) return;
  output_.expect_event(GST_EVENT_GAP, seqnum);
  start_ns_ = GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts;
}

bool Sequence::append_gap(GstClockTime pts, GstClockTime duration) {
  if (frames_of(in_) == 0 || segment_.rate < 0 || !is_continuous_at(pts)) return false;
  const GstClockTime end_ns = std::min(pts + duration, segment_.stop);
  const int64_t all_frames = gst_util_uint64_scale_round(end_ns - start_ns_, in_hz_, GST_SECOND);
  if (all_frames - frames_of(in_) >= memory_frames_) return false;
  for (auto& channel : in_) channel.resize(std::max<int64_t>(frames_of(in_), all_frames));
  return true;
}

}  // namespace torchstreamer::test
