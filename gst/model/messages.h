// What a model made, as a message.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// An element message "tsmodel" of `source` with `frame`, one frame of float32: its timestamp,
/// stream-time, running-time and duration in nanoseconds, and its `values`, a GST_TYPE_ARRAY of
/// floats.
GstMessage* new_frame_message(GstObject* source, const GstSegment& segment, GstBuffer* frame);

/// The same times for whatever is at `pts`; NONE where the segment is not one of time.
void set_times(GstStructure* structure, const GstSegment& segment, GstClockTime pts);

}  // namespace torchstreamer
