#include "model/buffer_cut.h"

#include <algorithm>

#include "base/buffers.h"

namespace torchstreamer {
namespace {

void move_reference_timestamps(GstBuffer* buffer, GstClockTime by_ns) {
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                          GST_REFERENCE_TIMESTAMP_META_API_TYPE))
    reinterpret_cast<GstReferenceTimestampMeta*>(meta)->timestamp += by_ns;
}

}  // namespace

int64_t frames_before(const GstBuffer* buffer, const GstAudioInfo& info, const GstSegment& segment,
                      GstClockTime running_time) {
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(running_time) || !GST_CLOCK_TIME_IS_VALID(pts) ||
      segment.format != GST_FORMAT_TIME)
    return 0;
  const int64_t all = gst_buffer_get_size(const_cast<GstBuffer*>(buffer)) / info.bpf;
  guint64 at = 0;
  if (segment.rate < 0) {
    if (!GST_CLOCK_TIME_IS_VALID(segment.stop)) return 0;  // reverse playback starts at `stop`
    const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, pts, &at);
    return sign > 0 && at >= running_time ? 0 : all;
  }
  const int sign =
      gst_segment_position_from_running_time_full(&segment, GST_FORMAT_TIME, running_time, &at);
  if (sign <= 0 || at <= pts) return 0;
  const guint64 frames = gst_util_uint64_scale_round(at - pts, info.rate, GST_SECOND);
  return std::min<guint64>(all, frames);
}

GstBuffer* cut_buffer(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames) {
  const GstClockTime head_ns = gst_util_uint64_scale_round(frames, GST_SECOND, info.rate);
  const GstClockTime pts = GST_BUFFER_PTS(*buffer), all_ns = GST_BUFFER_DURATION(*buffer);
  const guint64 offset = GST_BUFFER_OFFSET(*buffer);
  GstBuffer* head = split_frames(buffer, info, frames);
  GstBuffer* tail = *buffer;
  GST_BUFFER_PTS(head) = pts;
  GST_BUFFER_DURATION(head) = head_ns;
  if (GST_CLOCK_TIME_IS_VALID(pts)) GST_BUFFER_PTS(tail) = pts + head_ns;
  if (GST_CLOCK_TIME_IS_VALID(all_ns))
    GST_BUFFER_DURATION(tail) = all_ns - std::min(head_ns, all_ns);
  if (offset != GST_BUFFER_OFFSET_NONE)
    GST_BUFFER_OFFSET_END(head) = GST_BUFFER_OFFSET(tail) = offset + frames;
  GST_BUFFER_FLAG_UNSET(tail, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC);
  move_reference_timestamps(tail, head_ns);
  return head;
}

}  // namespace torchstreamer
