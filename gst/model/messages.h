// Messages of tsmodel.
#pragma once

#include <gst/gst.h>

#include <string>

namespace torchstreamer {

/// Returns the element message "tsmodel" of an analyzed frame of float32: its timestamp,
/// stream-time, running-time and duration in nanoseconds, the window-timestamp and window-duration
/// of the input that it depends on, and its `values`, a GST_TYPE_ARRAY of floats.
GstMessage* new_frame_message(GstObject* source, const GstSegment& segment, GstBuffer* frame);

/// Returns the element message "tsmodel-swap": the model of `location` with the SHA-256 `digest`
/// takes over at `pts`. Times that the segment does not define are NONE.
GstMessage* new_swap_message(GstObject* source, const GstSegment& segment, GstClockTime pts,
                             const std::string& location, const std::string& digest);

/// Posts a warning or an error about the caps of `element`. Takes ownership of `debug`.
void post_caps_message(GstElement* element, GstMessageType type, const std::string& text,
                       gchar* debug);

}  // namespace torchstreamer
