// /v1/live: raw audio over a WebSocket, both ways.
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>

#include "server/session/sessions.h"

namespace torchstreamer::server {

/// Binary messages are raw audio, text messages are JSON objects with a `type`:
///
///   to the client    {"type": "ready", "session", "format", "rate", "channels"}, first
///                    {"type": "end"}: all output was sent
///                    {"type": "error", "error"}, then the connection is closed
///   from the client  {"type": "end"}: the input is complete; the remaining output follows
///
/// A client that does not read is not read either.
class LiveSession final : public Session, public std::enable_shared_from_this<LiveSession> {
 public:
  LiveSession(Sessions* sessions, const SessionRequest& request) : Session(sessions, request) {}
  ~LiveSession() override;

  /// `gated`: the stream of the connection, see gated_stream.h.
  void start(Ref<SoupWebsocketConnection> connection, Ref<GIOStream> gated, Ref<GSocket> socket);

  void fail(const Failure& failure) override;

 private:
  void on_room() override;
  void on_output() override { send_output(); }
  void on_failure(const Failure& failure) override { fail(failure); }
  bool is_write_pending() const override { return is_leaving_; }

  void on_message(SoupWebsocketDataType type, GBytes* message);
  void on_text(GBytes* message);
  void send_output();
  void send_ready();
  void on_written();
  void close(gushort code, const std::string& result);
  bool is_over() const { return !connection_; }

  Ref<SoupWebsocketConnection> connection_;
  Ref<GIOStream> gated_;
  Ref<GSocket> socket_;
  /// Count of written bytes at which the last message has left.
  uint64_t target_bytes_ = 0;
  /// It has not left yet. What libsoup writes on its own, as pings, is no progress.
  bool is_leaving_ = false;
};

}  // namespace torchstreamer::server
