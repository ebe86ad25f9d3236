#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <stdexcept>

namespace torchstreamer::test {
namespace {

constexpr guint kTimeout_s = 10;

[[noreturn]] void raise(GError* error) {
  const std::string text = error->message;
  g_error_free(error);
  throw std::runtime_error("connection: " + text);
}

GIOStream* secured(GIOStream* base) {
  GError* error = nullptr;
  GIOStream* tls = g_tls_client_connection_new(base, nullptr, &error);
  if (!tls) raise(error);
  const auto accept = +[](GTlsConnection*, GTlsCertificate*, GTlsCertificateFlags,
                          gpointer) -> gboolean { return TRUE; };
  g_signal_connect(tls, "accept-certificate", G_CALLBACK(accept), nullptr);
  if (!g_tls_connection_handshake(G_TLS_CONNECTION(tls), nullptr, &error)) {
    g_object_unref(tls);
    raise(error);
  }
  return tls;
}

}  // namespace

Connection::Connection(int port, Security security, const std::string& source) {
  const Ref<GSocketClient> client(g_socket_client_new());
  const Ref<GSocketAddress> local(g_inet_socket_address_new_from_string(source.c_str(), 0));
  g_socket_client_set_local_address(client.get(), local.get());
  g_socket_client_set_enable_proxy(client.get(), FALSE);
  GError* error = nullptr;
  GSocketConnection* connection = g_socket_client_connect_to_host(
      client.get(), "127.0.0.1", static_cast<guint16>(port), nullptr, &error);
  if (!connection) raise(error);
  stream_.reset(G_IO_STREAM(connection));
  socket_.reset(G_SOCKET(g_object_ref(g_socket_connection_get_socket(connection))));
  g_socket_set_timeout(socket_.get(), kTimeout_s);
  g_socket_set_option(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
  if (security == Security::kTls) stream_.reset(secured(stream_.get()));
}

void Connection::send(const std::string& bytes) {
  GError* error = nullptr;
  if (!g_output_stream_write_all(g_io_stream_get_output_stream(stream_.get()), bytes.data(),
                                 bytes.size(), nullptr, nullptr, &error))
    raise(error);
}

size_t Connection::send_until_blocked(const std::string& bytes, size_t most) {
  size_t sent = 0;
  while (sent < most) {
    const size_t start = sent % bytes.size();
    GError* error = nullptr;
    const gssize count = g_socket_send_with_blocking(socket_.get(), bytes.data() + start,
                                                     bytes.size() - start, FALSE, nullptr, &error);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
      continue;
    }
    if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) raise(error);
    g_error_free(error);
    if (!g_socket_condition_timed_wait(socket_.get(), G_IO_OUT, 500000, nullptr, nullptr)) break;
  }
  return sent;
}

std::string Connection::receive(size_t most) {
  std::string bytes(most, '\0');
  GError* error = nullptr;
  const gssize count = g_input_stream_read(g_io_stream_get_input_stream(stream_.get()),
                                           bytes.data(), most, nullptr, &error);
  if (count < 0) raise(error);
  bytes.resize(static_cast<size_t>(count));
  return bytes;
}

bool Connection::is_readable(double seconds) {
  return g_socket_condition_timed_wait(socket_.get(), G_IO_IN, static_cast<gint64>(1e6 * seconds),
                                       nullptr, nullptr);
}

void Connection::finish() { g_socket_shutdown(socket_.get(), FALSE, TRUE, nullptr); }

void Connection::reset() {
  const linger at_once{1, 0};
  setsockopt(g_socket_get_fd(socket_.get()), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Connection::close() { g_socket_close(socket_.get(), nullptr); }

}  // namespace torchstreamer::test
