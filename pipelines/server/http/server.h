// The HTTP server: routes, tokens and pages.
#pragma once

#include <libsoup/soup.h>

#include <string>

#include "server/http/pages.h"
#include "server/session/sessions.h"

namespace torchstreamer::server {

class LiveSession;

/// Routes requests. Every path under /v1 and /metrics needs the token, if one is set:
///
///   POST /v1/process   HttpSession       GET /v1/models, /v1/streams   JSON
///   GET  /v1/live      LiveSession       GET /metrics                  text for Prometheus
///   GET  /healthz      200 if the process runs
///   GET  /readyz       200 if it takes new sessions, else 503
///   GET  /             the page, if the setting `pages` names its folder
class Server {
 public:
  /// Listens. Throws std::runtime_error that names the address or the certificate.
  explicit Server(Sessions* sessions);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Address with the port that was chosen, such as http://127.0.0.1:8080.
  std::string address() const;

 private:
  void listen();
  void route(const char* path, void (Server::*handler)(SoupServerMessage*));

  void answer_process(SoupServerMessage* message);
  void answer_live(SoupServerMessage* message);
  void answer_models(SoupServerMessage* message);
  void answer_streams(SoupServerMessage* message);
  void answer_metrics(SoupServerMessage* message);
  void answer_health(SoupServerMessage* message);
  void answer_ready(SoupServerMessage* message);
  void answer_page(SoupServerMessage* message);

  /// Throws Failure unless the request has the token.
  void check_token(SoupServerMessage* message) const;
  SessionRequest parse_request(SoupServerMessage* message, Pace pace);
  void start_process(SoupServerMessage* message);
  void start_live(SoupServerMessage* message, std::shared_ptr<LiveSession> session);

  Sessions* sessions_;
  Ref<SoupServer> server_;
  Pages pages_;
};

}  // namespace torchstreamer::server
