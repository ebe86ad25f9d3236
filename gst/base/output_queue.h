// The output of an element in order: buffers, and the serialized events between their frames.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>
#include <list>

#include "base/mini_object.h"
#include "base/timeline.h"

namespace torchstreamer {

/// Output lags behind input by the latency. An event therefore waits until the output of all frames
/// that preceded it on the input is queued. A buffer is split if an event belongs inside it.
class OutputQueue {
 public:
  bool empty() const { return waiting_.empty() && ready_.empty(); }

  /// Queues `event` before output frame `frame` of the signal, or behind the last frame of a
  /// shorter signal. Takes `event`.
  void add_event(GstEvent* event, int64_t frame);

  /// Queues `buffer`, the next `frames` output frames in the format `info`: stamps it and splits it
  /// at the events inside it. Copies the metas of `source` (null: none), an input buffer that
  /// arrived with `source_pts`, as far as they hold for any audio. Takes `buffer`.
  void add_buffer(GstBuffer* buffer, int64_t frames, const GstAudioInfo& info, Timeline* timeline,
                  GstBuffer* source, GstClockTime source_pts);

  /// Ends the signal: all waiting events are ready.
  void end_signal();

  /// Removes the first buffer or event that is ready, for the caller to own; null if there is none.
  GstMiniObject* pop();

  /// Drops all output. Sticky events are stored on `pad`, which pushes them before the next buffer,
  /// except those that a flush ends.
  void flush(GstPad* pad);

 private:
  struct Entry {
    MiniObjectPtr<void> object;
    int64_t frame;  // of a waiting event: the output frame that it precedes
  };

  void release_until(int64_t frames_out) noexcept;
  void add_stamped(GstBuffer* buffer, int64_t frames, Timeline* timeline, GstBuffer* source,
                   GstClockTime source_pts);

  std::list<Entry> waiting_, ready_;
};

}  // namespace torchstreamer
