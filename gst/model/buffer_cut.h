// Cutting a buffer at a running time.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>

namespace torchstreamer {

/// Returns the number of frames of `buffer` before the frame nearest to `running_time`; 0 if
/// `running_time` is NONE or the time of the buffer is unknown. With a negative rate, returns all
/// frames or 0.
int64_t frames_before(const GstBuffer* buffer, const GstAudioInfo& info, const GstSegment& segment,
                      GstClockTime running_time);

/// Cuts interleaved audio. Returns the first `frames` frames; `*buffer` keeps the others. Sets the
/// timestamps of both.
GstBuffer* cut_buffer(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames);

}  // namespace torchstreamer
