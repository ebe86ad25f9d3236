#include "model/messages.h"

#include "base/buffers.h"

namespace torchstreamer {
namespace {

void set_values(GstStructure* structure, GstBuffer* frame) {
  GValue values = G_VALUE_INIT;
  gst_value_array_init(&values, 0);
  GstMapInfo map;
  if (gst_buffer_map(frame, &map, GST_MAP_READ)) {
    const auto* samples = reinterpret_cast<const float*>(map.data);
    for (gsize i = 0; i < map.size / sizeof(float); ++i) {
      GValue value = G_VALUE_INIT;
      g_value_init(&value, G_TYPE_FLOAT);
      g_value_set_float(&value, samples[i]);
      gst_value_array_append_and_take_value(&values, &value);
    }
    gst_buffer_unmap(frame, &map);
  }
  gst_structure_take_value(structure, "values", &values);
}

void set_times(GstStructure* structure, const GstSegment& segment, GstClockTime pts) {
  GstClockTime stream_time = GST_CLOCK_TIME_NONE, running_time = GST_CLOCK_TIME_NONE;
  if (segment.format == GST_FORMAT_TIME) {
    stream_time = gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts);
    // With a negative rate, the running time is counted from the end of the segment.
    if (segment.rate > 0 || GST_CLOCK_TIME_IS_VALID(segment.stop))
      running_time = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, pts);
  }
  gst_structure_set(structure, "timestamp", G_TYPE_UINT64, pts, "stream-time", G_TYPE_UINT64,
                    stream_time, "running-time", G_TYPE_UINT64, running_time, nullptr);
}

}  // namespace

GstMessage* new_frame_message(GstObject* source, const GstSegment& segment, GstBuffer* frame) {
  GstStructure* structure = gst_structure_new_empty("tsmodel");
  set_times(structure, segment, GST_BUFFER_PTS(frame));
  const TimeSpan window = input_span(frame);
  gst_structure_set(structure, "duration", G_TYPE_UINT64, GST_BUFFER_DURATION(frame),
                    "window-timestamp", G_TYPE_UINT64, window.start_ns, "window-duration",
                    G_TYPE_UINT64, window.duration_ns, nullptr);
  set_values(structure, frame);
  return gst_message_new_element(source, structure);
}

GstMessage* new_swap_message(GstObject* source, const GstSegment& segment, GstClockTime pts,
                             const std::string& location, const std::string& digest) {
  GstStructure* structure =
      gst_structure_new("tsmodel-swap", "location", G_TYPE_STRING, location.c_str(), "digest",
                        G_TYPE_STRING, digest.c_str(), nullptr);
  set_times(structure, segment, pts);
  return gst_message_new_element(source, structure);
}

void post_caps_message(GstElement* element, GstMessageType type, const std::string& text,
                       gchar* debug) {
  gst_element_message_full(element, type, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                           g_strdup(text.c_str()), debug, __FILE__, GST_FUNCTION, __LINE__);
}

}  // namespace torchstreamer
