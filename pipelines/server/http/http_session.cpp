#include "server/http/http_session.h"

#include "server/http/http_refusal.h"

namespace torchstreamer::server {
namespace {

constexpr size_t kMaxWriteBytes = 64 * 1024;
const char* const kVanished = "the client closed the connection";

using Self = std::shared_ptr<HttpSession>;

}  // namespace

HttpSession::HttpSession(Sessions* sessions, const SessionRequest& request,
                         SoupServerMessage* message)
    : Session(sessions, request),
      body_(soup_server_message_get_request_headers(message)),
      is_chunked_(soup_server_message_get_http_version(message) != SOUP_HTTP_1_0),
      expects_continue_(
          soup_message_headers_get_expectations(soup_server_message_get_request_headers(message)) &
          SOUP_EXPECTATION_CONTINUE),
      cancellable_(g_cancellable_new()) {}

void HttpSession::start(Ref<GIOStream> connection, Ref<GSocket> socket) {
  connection_ = std::move(connection);
  socket_ = std::move(socket);
  watch_hang_up();
  if (body_.is_done()) pipeline().end();
  if (expects_continue_) write("HTTP/1.1 100 Continue\r\n\r\n");
  read();
}

/// Ends the session if the client resets the connection while nothing is read or written.
void HttpSession::watch_hang_up() {
  hang_up_.reset(g_socket_create_source(socket_.get(),
                                        static_cast<GIOCondition>(G_IO_HUP | G_IO_ERR), nullptr));
  const GSocketSourceFunc call = [](GSocket*, GIOCondition, gpointer self) -> gboolean {
    static_cast<HttpSession*>(self)->end(kVanished);
    return G_SOURCE_REMOVE;
  };
  g_source_set_callback(hang_up_.get(), G_SOURCE_FUNC(call), this, nullptr);
  g_source_attach(hang_up_.get(), nullptr);
}

void HttpSession::read() {
  const bool is_full = !body_.is_done() && !pipeline().has_room();
  if (is_reading_ || state_ == State::kOver || is_full) return;
  is_reading_ = true;
  g_input_stream_read_async(
      g_io_stream_get_input_stream(connection_.get()), input_, sizeof input_, G_PRIORITY_DEFAULT,
      cancellable_.get(),
      [](GObject* stream, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<Self> self(static_cast<Self*>(data));
        (*self)->on_read(g_input_stream_read_finish(G_INPUT_STREAM(stream), result, nullptr));
      },
      new Self(shared_from_this()));
}

void HttpSession::on_read(gssize bytes) {
  is_reading_ = false;
  if (state_ == State::kOver) return;
  if (bytes < 0 || (bytes == 0 && !body_.is_done())) return end(kVanished);
  if (bytes == 0) return;  // the client sends nothing more and waits for the response
  if (!body_.is_done()) on_input(input_, static_cast<size_t>(bytes));
  read();
}

void HttpSession::on_input(const char* data, size_t bytes) {
  std::string content;
  try {
    body_.decode(data, bytes, &content);
  } catch (const Failure& failure) {
    return fail(failure);
  }
  receive(content.data(), content.size());
  if (state_ != State::kOver && body_.is_done()) pipeline().end();
}

/// Head of the response before the first output, the output that is there, and the last chunk.
std::string HttpSession::next_response() {
  std::string bytes;
  while (bytes.size() < kMaxWriteBytes) {
    const Ref<GBytes> part = take_output();
    if (!part) break;
    gsize size;
    const auto* data = static_cast<const char*>(g_bytes_get_data(part.get(), &size));
    if (size > 0) bytes += is_chunked_ ? chunk_of(data, size) : std::string(data, size);
  }
  if (bytes.empty() && pipeline().is_over()) {
    if (!has_head_ && request().input.container != Container::kRaw) {
      fail({SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
            "The body contains no audio, or less than the model needs."});
      return "";
    }
    state_ = State::kLastWrite;
    if (is_chunked_) bytes = chunk_of(nullptr, 0);
  }
  if (has_head_ || (bytes.empty() && state_ == State::kRunning)) return bytes;
  has_head_ = true;
  return status_line(SOUP_STATUS_OK) + "Content-Type: " + request().output.media_type() +
         "\r\nConnection: close\r\n" + (is_chunked_ ? "Transfer-Encoding: chunked\r\n" : "") +
         "\r\n" + bytes;
}

void HttpSession::on_output() {
  if (state_ != State::kRunning || is_writing_) return;
  std::string bytes = next_response();
  if (!bytes.empty() || state_ == State::kLastWrite) write(std::move(bytes));
}

void HttpSession::write(std::string bytes) {
  is_writing_ = true;
  output_ = std::move(bytes);
  g_output_stream_write_all_async(
      g_io_stream_get_output_stream(connection_.get()), output_.data(), output_.size(),
      G_PRIORITY_DEFAULT, cancellable_.get(),
      [](GObject* stream, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<Self> self(static_cast<Self*>(data));
        (*self)->on_written(
            g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, nullptr, nullptr));
      },
      new Self(shared_from_this()));
}

void HttpSession::on_written(bool is_written) {
  is_writing_ = false;
  if (state_ == State::kOver) return;
  if (!is_written) return end(kVanished);
  mark_active();
  if (state_ == State::kLastWrite) return end("complete", true);
  on_output();
}

void HttpSession::fail(const Failure& failure) {
  if (state_ == State::kOver) return;
  ++sessions().metrics().failures[std::to_string(failure.status())];
  if (has_head_ || is_writing_) return end(failure.what());
  state_ = State::kOver;
  hang_up_.reset();
  g_cancellable_cancel(cancellable_.get());
  refuse(std::move(connection_), std::move(socket_), failure);
  finish(failure.what());
}

/// Closes the connection. Without the last chunk the client knows that the response is not
/// complete.
void HttpSession::end(const std::string& result, bool is_complete) {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  hang_up_.reset();
  g_cancellable_cancel(cancellable_.get());
  // TLS would wait until the client reads.
  if (!is_complete) g_socket_shutdown(socket_.get(), TRUE, TRUE, nullptr);
  g_io_stream_close_async(connection_.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr);
  finish(result);
}

}  // namespace torchstreamer::server
