// All sessions: which may start, and what is known about them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "server/audio/models.h"
#include "server/log.h"
#include "server/session/load_meter.h"
#include "server/session/metrics.h"
#include "server/session/session.h"
#include "server/settings.h"

namespace torchstreamer::server {

/// Why a session may not start.
struct Refusal {
  const char* reason;
  Failure failure;
};

/// All sessions. Every function is called in the thread of the main context.
class Sessions {
 public:
  Sessions(const Settings& settings, Models* models, Metrics* metrics, Log* log);
  ~Sessions();

  /// Throws Failure if no session of this kind may start now: unknown model, limits, overload,
  /// drain.
  void admit(const std::string& model, const std::string& address, Pace pace);
  /// Reason why no session of this kind may start now, whatever its model and its address.
  std::optional<Refusal> lack_of_room(Pace pace) const;
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
  uint64_t count(Pace pace) const;
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
  void refuse(const Refusal& refusal);

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
