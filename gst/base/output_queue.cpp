#include "base/output_queue.h"

#include "base/buffers.h"

namespace torchstreamer {
namespace {

/// Returns false for segments and EOS, which a flush removes, and true for other sticky events,
/// which belong to the stream.
bool is_kept_by_flush(const GstEvent* event) {
  return GST_EVENT_IS_STICKY(event) && GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT &&
         GST_EVENT_TYPE(event) != GST_EVENT_EOS;
}

}  // namespace

void OutputQueue::add_event(GstEvent* event, int64_t frame) {
  waiting_.push_back({MiniObjectPtr<void>(event), frame});
}

void OutputQueue::add_buffer(GstBuffer* buffer, int64_t frames, const GstAudioInfo& info,
                             Timeline* timeline, GstBuffer* source, GstClockTime source_pts) {
  release_until(timeline->frames_out());
  while (!waiting_.empty() && waiting_.front().frame < timeline->frames_out() + frames) {
    const int64_t head_frames = waiting_.front().frame - timeline->frames_out();
    add_stamped(split_frames(&buffer, info, head_frames), head_frames, timeline, source,
                source_pts);
    frames -= head_frames;
    release_until(timeline->frames_out());
  }
  add_stamped(buffer, frames, timeline, source, source_pts);
  release_until(timeline->frames_out());
}

void OutputQueue::add_stamped(GstBuffer* buffer, int64_t frames, Timeline* timeline,
                              GstBuffer* source, GstClockTime source_pts) {
  if (timeline->frames_out() == 0) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  timeline->stamp(buffer, frames);
  if (source) copy_metas(source, source_pts, buffer);
  ready_.push_back({MiniObjectPtr<void>(buffer), 0});
}

void OutputQueue::release_until(int64_t frames_out) noexcept {
  while (!waiting_.empty() && waiting_.front().frame <= frames_out)
    ready_.splice(ready_.end(), waiting_, waiting_.begin());
}

void OutputQueue::end_signal() { release_until(G_MAXINT64); }

GstMiniObject* OutputQueue::pop() {
  if (ready_.empty()) return nullptr;
  void* object = ready_.front().object.release();
  ready_.pop_front();
  return GST_MINI_OBJECT_CAST(object);
}

void OutputQueue::flush(GstPad* pad) {
  end_signal();
  for (const Entry& entry : ready_) {
    void* const object = entry.object.get();
    if (GST_IS_EVENT(object) && is_kept_by_flush(GST_EVENT_CAST(object)))
      gst_pad_store_sticky_event(pad, GST_EVENT_CAST(object));
  }
  ready_.clear();
}

}  // namespace torchstreamer
