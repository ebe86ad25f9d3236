#include "server/session/sessions.h"

#include <sys/resource.h>
#include <sys/time.h>

#include <algorithm>

namespace torchstreamer::server {
namespace {

constexpr guint kTooManyRequests = 429;  // libsoup has no name for it
constexpr int kRetryAfter_s = 2;
constexpr guint kTick_ms = 500;

double process_cpu_s() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Sessions::Sessions(const Settings& settings, Models* models, Metrics* metrics, Log* log)
    : settings_(settings),
      models_(models),
      metrics_(metrics),
      log_(log),
      load_(0.01 * static_cast<double>(settings.load_percent) * g_get_num_processors()),
      sampled_us_(g_get_monotonic_time()) {
  timer_ = g_timeout_add(
      kTick_ms,
      [](gpointer self) -> gboolean {
        static_cast<Sessions*>(self)->tick();
        return G_SOURCE_CONTINUE;
      },
      this);
}

Sessions::~Sessions() { g_source_remove(timer_); }

void Sessions::refuse(const Refusal& refusal) {
  ++metrics_->refusals[refusal.reason];
  throw refusal.failure;
}

std::optional<Refusal> Sessions::lack_of_room(Pace pace) const {
  const auto refusal = [](const char* reason, const std::string& text) {
    return Refusal{reason, {SOUP_STATUS_SERVICE_UNAVAILABLE, text, kRetryAfter_s}};
  };
  if (is_draining_) return refusal("drain", "The server is shutting down.");
  if (sessions_.size() >= settings_.max_sessions)
    return refusal("sessions", "The server has " + std::to_string(sessions_.size()) +
                                   " sessions, the maximum.");
  const std::string busy =
      pace == Pace::kLive ? load_.refuse_live(count(pace)) : load_.refuse_file(count(pace));
  if (!busy.empty()) return refusal("load", "No more sessions: " + busy + ".");
  return std::nullopt;
}

void Sessions::admit(const std::string& model, const std::string& address, Pace pace) {
  if (!models_->find(model)) {
    std::string names;
    for (const std::string& name : models_->names()) names += (names.empty() ? "" : ", ") + name;
    refuse({"model",
            {SOUP_STATUS_NOT_FOUND,
             "model: there is no model \"" + model.substr(0, 80) + "\". Models: " + names + "."}});
  }
  const auto of_address = std::count_if(
      sessions_.begin(), sessions_.end(),
      [&](const auto& session) { return session.second->request().address == address; });
  if (static_cast<uint64_t>(of_address) >= settings_.max_sessions_per_address)
    refuse({"address",
            {kTooManyRequests,
             "This address has " + std::to_string(of_address) + " sessions, the maximum.",
             kRetryAfter_s}});
  if (const auto refusal = lack_of_room(pace)) refuse(*refusal);
}

void Sessions::add(std::shared_ptr<Session> session) {
  const SessionRequest& request = session->request();
  ++metrics_->sessions[name_of(request.pace)];
  log_->info("session started", {{"id", std::to_string(session->id())},
                                 {"model", request.model},
                                 {"kind", name_of(request.pace)},
                                 {"address", request.address}});
  sessions_[session->id()] = std::move(session);
}

void Sessions::remove(uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  add_totals(found->second.get());
  // The session is in one of its functions.
  auto* session = new std::shared_ptr<Session>(std::move(found->second));
  sessions_.erase(found);
  g_idle_add_full(
      G_PRIORITY_DEFAULT, [](gpointer) -> gboolean { return G_SOURCE_REMOVE; }, session,
      [](gpointer data) { delete static_cast<std::shared_ptr<Session>*>(data); });
}

void Sessions::add_totals(Session* session) {
  metrics_->audio_s += session->pipeline().output_s();
  if (session->request().pace != Pace::kFile) return;
  file_cpu_s_ += session->pipeline().cpu_s();
  file_output_s_ += session->pipeline().output_s();
}

void Sessions::fail_all(const Failure& failure) {
  const auto sessions = sessions_;
  for (const auto& [id, session] : sessions) session->fail(failure);
}

void Sessions::reload() {
  for (const auto& [id, session] : sessions_) session->reload();
}

uint64_t Sessions::count(Pace pace) const {
  return static_cast<uint64_t>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [&](const auto& session) { return session.second->request().pace == pace; }));
}

void Sessions::tick() {
  LoadSample sample;
  sample.cpu_s = process_cpu_s();
  sample.file_cpu_s = file_cpu_s_;
  sample.file_output_s = file_output_s_;
  sample.live_outputs = metrics_->live_outputs;
  sample.late_outputs = metrics_->late_outputs;
  const auto sessions = sessions_;
  for (const auto& [id, session] : sessions) {
    if (session->request().pace == Pace::kLive) {
      ++sample.live;
    } else {
      ++sample.files;
      sample.file_cpu_s += session->pipeline().cpu_s();
      sample.file_output_s += session->pipeline().output_s();
    }
    session->check_limits();
  }
  const gint64 now_us = g_get_monotonic_time();
  load_.add(sample, 1e-6 * static_cast<double>(now_us - sampled_us_));
  sampled_us_ = now_us;
}

}  // namespace torchstreamer::server
