/* Processes audio of a program with tsmodel: raw mono float32 frames from appsrc to appsink.
 *
 *   appsrc MODEL.pt RATE_HZ < in.f32 > out.f32
 *
 * gcc appsrc.c $(pkg-config --cflags --libs gstreamer-app-1.0) -o appsrc
 */
#include <gst/app/app.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads audio and pushes it, in a separate thread. gst_app_src_push_buffer() blocks while the queue
 * is full. */
static gpointer feed(gpointer source) {
  gsize bytes;
  do {
    GstBuffer* buffer = gst_buffer_new_allocate(NULL, 480 * sizeof(float), NULL);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    bytes = fread(map.data, 1, map.size, stdin);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_set_size(buffer, bytes);
    if (gst_app_src_push_buffer(source, buffer) != GST_FLOW_OK) break;
  } while (bytes > 0);
  gst_app_src_end_of_stream(source);
  return NULL;
}

static void write_frames(GstSample* sample) {
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_READ);
  fwrite(map.data, 1, map.size, stdout);
  gst_buffer_unmap(buffer, &map);
  gst_sample_unref(sample);
}

/* Returns TRUE if no element posted an error; prints the error otherwise. */
static gboolean is_without_error(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  gst_object_unref(bus);
  if (!message) return TRUE;
  GError* error;
  gst_message_parse_error(message, &error, NULL);
  fprintf(stderr, "%s\n", error->message);
  g_error_free(error);
  gst_message_unref(message);
  return FALSE;
}

/* Writes all output until the end of the stream. The model is loaded in the background, so that an
 * error may come before any output. Returns FALSE after an error. */
static gboolean take(GstAppSink* sink, GstElement* pipeline) {
  for (;;) {
    GstSample* sample = gst_app_sink_try_pull_sample(sink, 100 * GST_MSECOND);
    if (sample)
      write_frames(sample);
    else if (!is_without_error(pipeline))
      return FALSE;
    else if (gst_app_sink_is_eos(sink))
      return TRUE;
  }
}

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL.pt RATE_HZ < in.f32 > out.f32\n", argv[0]);
    return 2;
  }
  GError* error = NULL;
  GstElement* pipeline = gst_parse_launch(
      "appsrc name=source format=time block=true "
      "! tsmodel name=model ! appsink name=sink sync=false",
      &error);
  if (error) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* model = gst_bin_get_by_name(GST_BIN(pipeline), "model");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");

  g_object_set(model, "location", argv[1], NULL);
  GstCaps* caps = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE", "layout",
                                      G_TYPE_STRING, "interleaved", "channels", G_TYPE_INT, 1,
                                      "rate", G_TYPE_INT, atoi(argv[2]), NULL);
  gst_app_src_set_caps(GST_APP_SRC(source), caps);
  gst_caps_unref(caps);

  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GThread* feeder = g_thread_new("feeder", feed, source);
  gboolean is_good = take(GST_APP_SINK(sink), pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  g_thread_join(feeder);
  gst_object_unref(source);
  gst_object_unref(model);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  gst_deinit(); /* GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 lists leaked objects here */
  return is_good ? 0 : 1;
}
