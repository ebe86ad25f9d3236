// Sessions: the pipelines of clients, their limits and what is known about them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "load_meter.h"
#include "log.h"
#include "metrics.h"
#include "models.h"
#include "pipeline.h"
#include "settings.h"

namespace torchstreamer::server {

class Sessions;

/// What a client asks for.
struct SessionRequest {
  std::string model, address;
  Pipeline::Pace pace;
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
  /// Fails if the session is idle, or longer than allowed.
  void check_limits();

 protected:
  /// Pushes input. Fails if there is more than allowed.
  void receive(const void* data, size_t bytes);
  /// Next part of the output as bytes, with the header of a WAV file before the first; nullptr:
  /// none.
  Ref<GBytes> take_output();
  /// Marks that the transport has moved data.
  void mark_active() { active_us_ = g_get_monotonic_time(); }
  /// Removes the session; `result` is logged.
  void finish(const std::string& result);
  Sessions& sessions() { return *sessions_; }

 private:
  void count_output(size_t bytes);

  Sessions* sessions_;
  SessionRequest request_;
  uint64_t id_;
  std::shared_ptr<LoadedModel> model_;
  std::unique_ptr<Pipeline> pipeline_;
  uint64_t bytes_in_ = 0, bytes_out_ = 0;
  gint64 start_us_, active_us_;
  bool has_header_ = false;
};

/// All sessions. Every function is called in the thread of the main context.
class Sessions {
 public:
  Sessions(const Settings& settings, Models* models, Metrics* metrics, Log* log);
  ~Sessions();

  /// Throws Failure if no session of this kind may start now: unknown model, limits, overload,
  /// drain.
  void admit(const std::string& model, const std::string& address, Pipeline::Pace pace);
  /// Keeps a session until it calls finish().
  void add(std::shared_ptr<Session> session);
  /// Destroys a session once the main loop is reached again.
  void remove(uint64_t id);

  /// Refuses new sessions; is_drained() becomes true when the last one has ended.
  void drain() { is_draining_ = true; }
  bool is_draining() const { return is_draining_; }
  bool is_drained() const { return is_draining_ && sessions_.empty(); }
  /// Ends all sessions with an error.
  void fail_all(const Failure& failure);
  /// Loads changed files in all pipelines.
  void reload();

  const std::map<uint64_t, std::shared_ptr<Session>>& all() const { return sessions_; }
  uint64_t count(Pipeline::Pace pace) const;
  const LoadMeter& load() const { return load_; }
  const Settings& settings() const { return settings_; }
  Models& models() const { return *models_; }
  Metrics& metrics() { return *metrics_; }
  Log& log() { return *log_; }
  uint64_t next_id() { return ++last_id_; }
  /// Adds the totals of a session that ends.
  void add_totals(Session* session);

 private:
  void tick();
  void refuse(const char* reason, const Failure& failure);

  const Settings& settings_;
  Models* models_;
  Metrics* metrics_;
  Log* log_;
  LoadMeter load_;
  std::map<uint64_t, std::shared_ptr<Session>> sessions_;
  uint64_t last_id_ = 0;
  bool is_draining_ = false;
  gint64 sampled_us_;
  /// Of sessions that have ended.
  double file_cpu_s_ = 0, file_output_s_ = 0;
  guint timer_ = 0;
};

}  // namespace torchstreamer::server
