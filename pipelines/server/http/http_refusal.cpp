#include "server/http/http_refusal.h"

#include "server/json.h"

namespace torchstreamer::server {
namespace {

constexpr guint kLinger_ms = 2000;

std::string response(const Failure& failure) {
  const std::string body = print(Json{{"error", failure.what()}}) + "\n";
  std::string head = status_line(failure.status()) +
                     "Content-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n";
  if (failure.retry_after_s())
    head += "Retry-After: " + std::to_string(failure.retry_after_s()) + "\r\n";
  if (failure.status() == SOUP_STATUS_UNAUTHORIZED) head += "WWW-Authenticate: Bearer\r\n";
  return head + "\r\n" + body;
}

/// Deletes itself when the connection is closed.
class Refusal {
 public:
  Refusal(Ref<GIOStream> connection, Ref<GSocket> socket, const Failure& failure)
      : connection_(std::move(connection)),
        socket_(std::move(socket)),
        cancellable_(g_cancellable_new()),
        response_(response(failure)) {
    timeout_ = g_timeout_add(kLinger_ms, on_timeout, this);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(connection_.get()),
                                    response_.data(), response_.size(), G_PRIORITY_DEFAULT,
                                    cancellable_.get(), on_written, this);
  }

  ~Refusal() {
    if (timeout_) g_source_remove(timeout_);
    g_io_stream_close_async(connection_.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
  }

 private:
  static void on_written(GObject* stream, GAsyncResult* result, gpointer data) {
    auto* self = static_cast<Refusal*>(data);
    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, nullptr, nullptr)) {
      delete self;
      return;
    }
    self->is_written_ = true;
    g_socket_shutdown(self->socket_.get(), FALSE, TRUE, nullptr);
    self->input_.reset(g_socket_create_source(self->socket_.get(), G_IO_IN, nullptr));
    const GSocketSourceFunc call = on_input;
    g_source_set_callback(self->input_.get(), G_SOURCE_FUNC(call), self, nullptr);
    g_source_attach(self->input_.get(), nullptr);
  }

  static gboolean on_input(GSocket* socket, GIOCondition, gpointer data) {
    char dropped[65536];
    const gssize bytes =
        g_socket_receive_with_blocking(socket, dropped, sizeof dropped, FALSE, nullptr, nullptr);
    if (bytes > 0) return G_SOURCE_CONTINUE;
    delete static_cast<Refusal*>(data);
    return G_SOURCE_REMOVE;
  }

  static gboolean on_timeout(gpointer data) {
    auto* self = static_cast<Refusal*>(data);
    self->timeout_ = 0;
    if (self->is_written_)
      delete self;
    else
      g_cancellable_cancel(self->cancellable_.get());  // ends in on_written()
    return G_SOURCE_REMOVE;
  }

  Ref<GIOStream> connection_;
  Ref<GSocket> socket_;
  Ref<GCancellable> cancellable_;
  Ref<GSource> input_;
  std::string response_;
  bool is_written_ = false;
  guint timeout_ = 0;
};

}  // namespace

std::string status_line(guint status) {
  return "HTTP/1.1 " + std::to_string(status) + " " + soup_status_get_phrase(status) + "\r\n";
}

void refuse(Ref<GIOStream> connection, Ref<GSocket> socket, const Failure& failure) {
  new Refusal(std::move(connection), std::move(socket), failure);
}

}  // namespace torchstreamer::server
