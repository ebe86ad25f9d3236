// Cutting a buffer at a running time.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>

namespace torchstreamer {

/// Number of frames of `buffer` before the frame nearest to `running_time` (NONE: now). In reverse
/// all or none. 0 if the time of the buffer is unknown.
int64_t frames_before(const GstBuffer* buffer, const GstAudioInfo& info, const GstSegment& segment,
                      GstClockTime running_time);

/// Cuts interleaved audio: returns the first `frames` frames; `*buffer` keeps the others. Both get
/// their timestamps.
GstBuffer* cut_buffer(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames);

}  // namespace torchstreamer
