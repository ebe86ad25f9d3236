#include "base/output_queue.h"

#include <utility>

#include "base/buffers.h"

namespace torchstreamer {
namespace {

/// Of a stream's own, unlike a segment, which a flush ends.
bool outlives_flush(const GstEvent* event) {
  return GST_EVENT_IS_STICKY(event) && GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT &&
         GST_EVENT_TYPE(event) != GST_EVENT_EOS;
}

}  // namespace

void Departures::hold(GstEvent* event, int64_t frame) {
  held_.push_back({MiniObjectPtr<void>(event), frame});
}

void Departures::add(GstBuffer* buffer, int64_t frames, const GstAudioInfo& info,
                     Timeline* timeline, GstBuffer* source, GstClockTime source_pts) {
  release_due(timeline->frames_out());
  while (!held_.empty() && held_.front().frame < timeline->frames_out() + frames) {
    const int64_t head_frames = held_.front().frame - timeline->frames_out();
    stamp(split_frames(&buffer, info, head_frames), head_frames, timeline, source, source_pts);
    frames -= head_frames;
    release_due(timeline->frames_out());
  }
  stamp(buffer, frames, timeline, source, source_pts);
  release_due(timeline->frames_out());
}

void Departures::stamp(GstBuffer* buffer, int64_t frames, Timeline* timeline, GstBuffer* source,
                       GstClockTime source_pts) {
  if (timeline->frames_out() == 0) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  timeline->stamp(buffer, frames);
  if (source) copy_metas(source, source_pts, buffer);
  leaving_.push_back({MiniObjectPtr<void>(buffer), 0});
}

void Departures::release_due(int64_t frames_out) noexcept {
  while (!held_.empty() && held_.front().frame <= frames_out)
    leaving_.splice(leaving_.end(), held_, held_.begin());
}

void Departures::end_signal() { release_due(G_MAXINT64); }

GstMiniObject* Departures::next() {
  if (leaving_.empty()) return nullptr;
  void* object = leaving_.front().object.release();
  leaving_.pop_front();
  return GST_MINI_OBJECT_CAST(object);
}

void Departures::abandon(GstPad* pad) {
  end_signal();
  for (const Departure& departure : leaving_) {
    void* const object = departure.object.get();
    if (GST_IS_EVENT(object) && outlives_flush(GST_EVENT_CAST(object)))
      gst_pad_store_sticky_event(pad, GST_EVENT_CAST(object));
  }
  leaving_.clear();
}

}  // namespace torchstreamer
