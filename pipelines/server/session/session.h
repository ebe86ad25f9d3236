// A session: one client and its pipeline.
#pragma once

#include <memory>
#include <string>

#include "server/audio/models.h"
#include "server/audio/pipeline.h"

namespace torchstreamer::server {

class Sessions;

/// Model, formats and address of a session.
struct SessionRequest {
  std::string model, address;
  Pace pace;
  InputFormat input;
  OutputFormat output;
};

/// One client and its pipeline. A derived class connects it with a transport, and calls finish()
/// when it is over. Destroyed in the main context after that.
class Session : public PipelineListener {
 public:
  Session(Sessions* sessions, const SessionRequest& request);
  ~Session() override;

  uint64_t id() const { return id_; }
  const SessionRequest& request() const { return request_; }
  Pipeline& pipeline() { return *pipeline_; }
  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }
  gint64 start_us() const { return start_us_; }

  /// Ends the session with an error that the client gets if it still can.
  virtual void fail(const Failure& failure) = 0;
  /// Loads changed files, and holds the model that is offered now.
  void reload();
  /// Fails if the session is idle, or longer than allowed.
  void check_limits();

 protected:
  /// True while output waits for the client.
  virtual bool is_write_pending() const = 0;
  /// Pushes input. Fails if there is more than allowed.
  void receive(const void* data, size_t bytes);
  /// Next part of the output as bytes, with the header of a WAV file before the first; nullptr:
  /// none.
  Ref<GBytes> take_output();
  /// No delay is counted while the client causes it: it does not read, or sends faster than the
  /// model runs.
  void set_waiting_for_client(bool is_waiting) { is_waiting_for_client_ = is_waiting; }
  /// Marks that the transport has moved data.
  void mark_active() { active_us_ = g_get_monotonic_time(); }
  /// Removes the session; `result` is logged.
  void finish(const std::string& result);
  Sessions& sessions() { return *sessions_; }

 private:
  void count_output(size_t bytes);
  bool is_client_awaited() const;

  Sessions* sessions_;
  SessionRequest request_;
  uint64_t id_;
  std::shared_ptr<LoadedModel> model_;
  std::unique_ptr<Pipeline> pipeline_;
  uint64_t bytes_in_ = 0, bytes_out_ = 0;
  gint64 start_us_, active_us_;
  bool has_header_ = false, is_waiting_for_client_ = false;
};

}  // namespace torchstreamer::server
