// The output of an element in order: buffers, and the serialized events between their frames.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>
#include <list>

#include "base/mini_object.h"
#include "base/timeline.h"

namespace torchstreamer {

/// The output is later than the input by the latency. An event therefore waits until the output of
/// all input frames before it is queued. A buffer is split if an event belongs inside it.
class OutputQueue {
 public:
  bool empty() const { return waiting_.empty() && ready_.empty(); }

  /// Queues `event` before output frame `frame` of the signal, or after the last frame if the
  /// signal is shorter. Takes ownership of `event`.
  void add_event(GstEvent* event, int64_t frame);

  /// Queues `buffer`, the next `frames` output frames in the format `info`. Sets its timestamps and
  /// splits it at the events inside it. Copies metas from `source`, an input buffer that arrived
  /// with `source_pts`, see copy_metas(); null: none. Takes ownership of `buffer`.
  void add_buffer(GstBuffer* buffer, int64_t frames, const GstAudioInfo& info, Timeline* timeline,
                  GstBuffer* source, GstClockTime source_pts);

  /// Ends the signal: all waiting events are ready.
  void end_signal();

  /// Removes and returns the first buffer or event that is ready; null if there is none. The caller
  /// owns it.
  GstMiniObject* pop();

  /// Drops all output. Sticky events, except those that a flush removes, are stored on `pad`, which
  /// pushes them before the next buffer.
  void flush(GstPad* pad);

 private:
  struct Entry {
    MiniObjectPtr<void> object;
    int64_t frame;  // output frame after a waiting event
  };

  void release_until(int64_t frames_out) noexcept;
  void add_stamped(GstBuffer* buffer, int64_t frames, Timeline* timeline, GstBuffer* source,
                   GstClockTime source_pts);

  std::list<Entry> waiting_, ready_;
};

}  // namespace torchstreamer
