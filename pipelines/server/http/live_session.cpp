#include "server/http/live_session.h"

#include <algorithm>

#include "server/http/gated_stream.h"
#include "server/json.h"

namespace torchstreamer::server {
namespace {

constexpr size_t kMaxMessageBytes = 32 * 1024;
constexpr guint64 kMaxIncomingBytes = 1024 * 1024;
/// Largest head of a WebSocket frame from a client.
constexpr uint64_t kMaxHeadBytes = 14;
constexpr guint kClose_s = 2;
constexpr uint64_t kMostKeepalive_s = 10;

/// Size of a WebSocket frame from a server, RFC 6455, section 5.2.
uint64_t frame_bytes(size_t payload_bytes) {
  return payload_bytes + (payload_bytes < 126 ? 2u : payload_bytes < 65536 ? 4u : 10u);
}

void send(SoupWebsocketConnection* connection, const Json& message) {
  soup_websocket_connection_send_text(connection, print(message).c_str());
}

/// Keeps a connection until the close message has left, for two seconds at most: a client that does
/// not read would keep it for ever. Deletes itself.
class Closing {
 public:
  Closing(Ref<SoupWebsocketConnection> connection, Ref<GSocket> socket)
      : connection_(std::move(connection)), socket_(std::move(socket)) {
    using Closed = void (*)(SoupWebsocketConnection*, gpointer);
    const Closed closed = [](SoupWebsocketConnection*, gpointer self) {
      delete static_cast<Closing*>(self);
    };
    g_signal_connect(connection_.get(), "closed", G_CALLBACK(closed), this);
    timer_.reset(g_timeout_source_new_seconds(kClose_s));
    const GSourceFunc end = [](gpointer self) -> gboolean {
      g_socket_shutdown(static_cast<Closing*>(self)->socket_.get(), TRUE, TRUE, nullptr);
      return G_SOURCE_REMOVE;  // the connection emits "closed"
    };
    g_source_set_callback(timer_.get(), end, this, nullptr);
    g_source_attach(timer_.get(), nullptr);
  }

 private:
  Ref<SoupWebsocketConnection> connection_;
  Ref<GSocket> socket_;
  Ref<GSource> timer_;
};

}  // namespace

LiveSession::~LiveSession() {
  if (connection_) g_signal_handlers_disconnect_by_data(connection_.get(), this);
}

void LiveSession::start(Ref<SoupWebsocketConnection> connection, Ref<GIOStream> gated,
                        Ref<GSocket> socket) {
  connection_ = std::move(connection);
  gated_ = std::move(gated);
  socket_ = std::move(socket);
  soup_websocket_connection_set_max_incoming_payload_size(connection_.get(), kMaxIncomingBytes);
  const uint64_t keepalive_s = std::min(kMostKeepalive_s, sessions().settings().idle_s / 3);
  soup_websocket_connection_set_keepalive_interval(
      connection_.get(), static_cast<guint>(std::max<uint64_t>(1, keepalive_s)));
  using Message = void (*)(SoupWebsocketConnection*, gint, GBytes*, gpointer);
  const Message message = [](SoupWebsocketConnection*, gint type, GBytes* bytes, gpointer self) {
    static_cast<LiveSession*>(self)->on_message(static_cast<SoupWebsocketDataType>(type), bytes);
  };
  using Closed = void (*)(SoupWebsocketConnection*, gpointer);
  const Closed closed = [](SoupWebsocketConnection*, gpointer self) {
    static_cast<LiveSession*>(self)->close(0, "the client closed the connection");
  };
  g_signal_connect(connection_.get(), "message", G_CALLBACK(message), this);
  g_signal_connect(connection_.get(), "closed", G_CALLBACK(closed), this);
  set_write_callback(gated_.get(), [this] { on_written(); });
  send_ready();
}

void LiveSession::send_ready() {
  const RawFormat& raw = request().output.raw;
  send(connection_.get(), Json{{"type", "ready"},
                               {"session", id()},
                               {"format", gst_audio_format_to_string(raw.sample)},
                               {"rate", raw.rate},
                               {"channels", raw.channels}});
}

void LiveSession::on_message(SoupWebsocketDataType type, GBytes* message) {
  account(gated_.get(), g_bytes_get_size(message) + kMaxHeadBytes);
  if (type == SOUP_WEBSOCKET_DATA_TEXT) return on_text(message);
  gsize bytes;
  const void* data = g_bytes_get_data(message, &bytes);
  receive(data, bytes);
  if (is_over() || pipeline().has_room()) return;
  set_waiting_for_client(true);
  set_input_open(gated_.get(), false);
}

void LiveSession::on_text(GBytes* message) {
  gsize bytes;
  const auto* text = static_cast<const char*>(g_bytes_get_data(message, &bytes));
  const Json json = Json::parse(text, text + bytes, nullptr, false);
  if (!json.is_object() || json.value("type", Json()) != "end")
    return fail({SOUP_STATUS_BAD_REQUEST,
                 "A text message must be {\"type\": \"end\"}; audio is sent in binary messages."});
  mark_active();
  pipeline().end();
}

void LiveSession::on_room() {
  if (!is_over()) set_input_open(gated_.get(), true);
}

/// Sends one message, unless the last one is still there.
void LiveSession::send_output() {
  if (is_over()) return;
  if (is_leaving_) {
    if (!g_socket_condition_check(socket_.get(), G_IO_OUT)) set_waiting_for_client(true);
    return;
  }
  std::string bytes;
  while (bytes.size() < kMaxMessageBytes) {
    const Ref<GBytes> part = take_output();
    if (!part) {
      set_waiting_for_client(false);
      break;
    }
    gsize size;
    const auto* data = static_cast<const char*>(g_bytes_get_data(part.get(), &size));
    bytes.append(data, size);
  }
  if (!bytes.empty()) {
    target_bytes_ = written_bytes(gated_.get()) + frame_bytes(bytes.size());
    is_leaving_ = true;
    soup_websocket_connection_send_binary(connection_.get(), bytes.data(), bytes.size());
  } else if (pipeline().is_over()) {
    send(connection_.get(), Json{{"type", "end"}});
    close(SOUP_WEBSOCKET_CLOSE_NORMAL, "complete");
  }
}

void LiveSession::on_written() {
  if (!is_leaving_ || written_bytes(gated_.get()) < target_bytes_) return;
  is_leaving_ = false;
  mark_active();
  // libsoup must return from its write before it is given the next message.
  using Self = std::weak_ptr<LiveSession>;
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        if (const auto self = static_cast<Self*>(data)->lock()) self->send_output();
        return G_SOURCE_REMOVE;
      },
      new Self(weak_from_this()), [](gpointer data) { delete static_cast<Self*>(data); });
}

void LiveSession::fail(const Failure& failure) {
  if (is_over()) return;
  ++sessions().metrics().failures[std::to_string(failure.status())];
  send(connection_.get(), Json{{"type", "error"}, {"error", failure.what()}});
  const bool is_of_the_client = failure.status() < SOUP_STATUS_INTERNAL_SERVER_ERROR;
  close(
      is_of_the_client ? SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION : SOUP_WEBSOCKET_CLOSE_SERVER_ERROR,
      failure.what());
}

/// `code` 0: the connection is closed already.
void LiveSession::close(gushort code, const std::string& result) {
  if (is_over()) return;
  set_write_callback(gated_.get(), {});
  set_input_open(gated_.get(), true);  // for the answer of the client
  g_signal_handlers_disconnect_by_data(connection_.get(), this);
  const Ref<SoupWebsocketConnection> connection = std::move(connection_);
  if (code != 0) {
    new Closing(Ref<SoupWebsocketConnection>(g_object_ref(connection.get())), std::move(socket_));
    soup_websocket_connection_close(connection.get(), code, nullptr);
  }
  finish(result);
}

}  // namespace torchstreamer::server
