// Where in a buffer a running time is, and buffers in two.
#pragma once

#include <gst/audio/audio.h>

#include <cstdint>

namespace torchstreamer {

/// How many frames of `buffer` are heard before `running_time` (NONE: at once): the frame behind
/// them is the nearest to it. All or none in reverse, and none where nothing is known of time.
int64_t frames_before(const GstBuffer* buffer, const GstAudioInfo& info, const GstSegment& segment,
                      GstClockTime running_time);

/// Takes the first `frames` frames from `*buffer`, interleaved audio, which keeps the others. Both
/// are timed.
GstBuffer* cut_buffer(GstBuffer** buffer, const GstAudioInfo& info, int64_t frames);

}  // namespace torchstreamer
