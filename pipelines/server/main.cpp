// torchstreamer-server: runs models on audio that clients send over HTTP. See README.md.
#include <glib-unix.h>
#include <gst/gst.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "server/http/server.h"

namespace torchstreamer::server {
namespace {

/// The process between its start and its last session.
class Program {
 public:
  explicit Program(const Settings& settings)
      : settings_(settings),
        log_(settings.log_json),
        models_(settings_),
        sessions_(settings_, &models_, &metrics_, &log_),
        server_(&sessions_),
        loop_(g_main_loop_new(nullptr, FALSE)) {}

  ~Program() { g_main_loop_unref(loop_); }

  void run() {
    std::string names;
    for (const std::string& name : models_.names()) names += (names.empty() ? "" : ", ") + name;
    log_.info("ready", {{"address", server_.address()}, {"models", names}});
    g_unix_signal_add(SIGTERM, on_terminate, this);
    g_unix_signal_add(SIGINT, on_terminate, this);
    g_unix_signal_add(SIGHUP, on_hang_up, this);
    g_main_loop_run(loop_);
    log_.info("stopped");
  }

 private:
  /// Drains; a second signal stops at once.
  static gboolean on_terminate(gpointer data) {
    auto* self = static_cast<Program*>(data);
    const bool is_first = !self->sessions_.is_draining();
    self->log_.info(is_first ? "draining" : "stopping",
                    {{"sessions", std::to_string(self->sessions_.all().size())}});
    self->sessions_.drain();
    self->deadline_us_ = g_get_monotonic_time();
    if (is_first) {
      self->deadline_us_ += static_cast<gint64>(self->settings_.drain_s) * G_USEC_PER_SEC;
      g_timeout_add(100, on_draining, self);
    }
    return G_SOURCE_CONTINUE;
  }

  static gboolean on_draining(gpointer data) {
    auto* self = static_cast<Program*>(data);
    const bool is_late = g_get_monotonic_time() >= self->deadline_us_;
    if (is_late && !self->is_stopping_) {
      self->is_stopping_ = true;
      self->sessions_.fail_all({SOUP_STATUS_SERVICE_UNAVAILABLE, "The server is shutting down."});
      return G_SOURCE_CONTINUE;  // the errors leave in the meantime
    }
    if (!self->sessions_.is_drained()) return G_SOURCE_CONTINUE;
    g_main_loop_quit(self->loop_);
    return G_SOURCE_REMOVE;
  }

  /// Reads the models again; the other settings stay.
  static gboolean on_hang_up(gpointer data) {
    auto* self = static_cast<Program*>(data);
    try {
      self->settings_.model_sections = read_model_sections(self->settings_.file);
      self->models_.reload(
          self->settings_, [self](const std::string& warning) { self->log_.warn(warning); },
          [self] {
            self->sessions_.reload();
            self->log_.info("reloaded");
          });
    } catch (const std::exception& error) {
      self->log_.warn(error.what());
    }
    return G_SOURCE_CONTINUE;
  }

  Settings settings_;
  Log log_;
  Metrics metrics_;
  Models models_;
  Sessions sessions_;
  Server server_;
  GMainLoop* loop_;
  gint64 deadline_us_ = 0;
  bool is_stopping_ = false;
};

}  // namespace
}  // namespace torchstreamer::server

int main(int argc, char** argv) {
  using namespace torchstreamer::server;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);  // until the models can be read again
  try {
    const Settings settings = parse_settings(argc, argv);
    gst_init(nullptr, nullptr);
    Program(settings).run();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "torchstreamer-server: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
