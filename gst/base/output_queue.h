// What leaves an element, in order: buffers, and the serialised events that belong between their
// frames.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>
#include <list>
#include <memory>

#include "base/timeline.h"

namespace torchstreamer {

struct UnrefMiniObject {
  void operator()(void* object) const { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};

/// A reference to a buffer or an event.
template <class T>
using MiniObjectPtr = std::unique_ptr<T, UnrefMiniObject>;

/// Output lags behind input, so an event waits for the frames that were before it on the input, and
/// a buffer is cut where an event belongs inside it.
class Departures {
 public:
  /// Whether something waits: then a later event must wait, too.
  bool empty() const { return held_.empty() && leaving_.empty(); }

  /// `event` belongs before output frame `frame` of the signal, or behind its last one. Takes it.
  void hold(GstEvent* event, int64_t frame);

  /// The next `frames` output frames, in `buffer`, which is taken: stamps them and lets them leave
  /// with the events that are due. The metas that hold for any audio are those of `source` (null:
  /// none), which arrived at `source_pts`.
  void add(GstBuffer* buffer, int64_t frames, const GstAudioInfo& info, Timeline* timeline,
           GstBuffer* source, GstClockTime source_pts);

  /// The signal ended: all events are due.
  void end_signal();

  /// What leaves next; null where nothing does. The caller owns it.
  GstMiniObject* next();

  /// Nothing leaves any more. Sticky events of the stream stay with `pad`, which sends them with
  /// what comes next.
  void abandon(GstPad* pad);

 private:
  struct Departure {
    MiniObjectPtr<void> object;
    int64_t frame;  // of the output, before which an event belongs
  };

  void release_due(int64_t frames_out) noexcept;
  void stamp(GstBuffer* buffer, int64_t frames, Timeline* timeline, GstBuffer* source,
             GstClockTime source_pts);

  std::list<Departure> held_, leaving_;
};

}  // namespace torchstreamer
