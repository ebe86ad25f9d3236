// POST /v1/process: the response begins before the request ends.
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>

#include "server/http/http_body.h"
#include "server/session/sessions.h"

namespace torchstreamer::server {

/// Reads the body of a request from a connection and writes the response to it, at the same time.
/// The status is sent with the first output; an error after that cuts the response before its last
/// chunk.
class HttpSession final : public Session, public std::enable_shared_from_this<HttpSession> {
 public:
  /// `message` has its headers. Throws Failure.
  HttpSession(Sessions* sessions, const SessionRequest& request, SoupServerMessage* message);

  /// Uses the connection of the message, which libsoup no longer reads.
  void start(Ref<GIOStream> connection, Ref<GSocket> socket);

  void fail(const Failure& failure) override;

 private:
  enum class State { kRunning, kLastWrite, kOver };

  void on_room() override { read(); }
  void on_output() override;
  void on_failure(const Failure& failure) override { fail(failure); }
  bool is_write_pending() const override { return is_writing_; }

  void read();
  void on_read(gssize bytes);
  void on_input(const char* data, size_t bytes);
  std::string next_response();
  void write(std::string bytes);
  void on_written(bool is_written);
  void watch_hang_up();
  void end(const std::string& result, bool is_complete = false);

  BodyDecoder body_;
  bool is_chunked_, expects_continue_;
  Ref<GIOStream> connection_;
  Ref<GSocket> socket_;
  Ref<GSource> hang_up_;
  Ref<GCancellable> cancellable_;
  State state_ = State::kRunning;
  bool is_reading_ = false, is_writing_ = false, has_head_ = false;
  std::string output_;
  char input_[65536];
};

}  // namespace torchstreamer::server
