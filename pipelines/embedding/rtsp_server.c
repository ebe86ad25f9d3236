/* A media server. Every client receives a separate tone, processed by the model.
 *
 *   rtsp_server MODEL.pt [PORT]
 *   gst-play-1.0 rtsp://127.0.0.1:8554/model
 *
 * gcc rtsp_server.c $(pkg-config --cflags --libs gstreamer-rtsp-server-1.0) -o rtsp_server
 */
#include <glib-unix.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

static gboolean quit(gpointer loop) {
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static GstRTSPMediaFactory* make_factory(const char* model) {
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gchar* launch = g_strdup_printf(
      "( audiotestsrc is-live=true "
      "! audio/x-raw,format=F32LE,rate=48000,channels=1 ! tsmodel location=\"%s\" "
      "! audioconvert ! rtpL16pay name=pay0 pt=96 )",
      model);
  gst_rtsp_media_factory_set_launch(factory, launch);
  g_free(launch);
  return factory;
}

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s MODEL.pt [PORT]\n", argv[0]);
    return 2;
  }
  GMainLoop* loop = g_main_loop_new(NULL, FALSE);
  GstRTSPServer* server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, argc > 2 ? argv[2] : "8554");
  GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/model", make_factory(argv[1]));
  g_object_unref(mounts);

  guint source = gst_rtsp_server_attach(server, NULL);
  if (source == 0) {
    fprintf(stderr, "cannot listen on port %s\n", argc > 2 ? argv[2] : "8554");
    return 1;
  }
  printf("rtsp://127.0.0.1:%d/model\n", gst_rtsp_server_get_bound_port(server));
  fflush(stdout);
  g_unix_signal_add(SIGTERM, quit, loop);
  g_unix_signal_add(SIGINT, quit, loop);
  g_main_loop_run(loop);

  g_source_remove(source);
  g_object_unref(server);
  g_main_loop_unref(loop);
  gst_rtsp_thread_pool_cleanup();
  gst_deinit(); /* GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 lists leaked objects here */
  return 0;
}
