#include "server/http/server.h"

#include <cstring>
#include <stdexcept>

#include "server/http/answer.h"
#include "server/http/connection.h"
#include "server/http/gated_stream.h"
#include "server/http/http_refusal.h"
#include "server/http/http_session.h"
#include "server/http/live_session.h"
#include "server/http/token.h"
#include "server/json.h"

namespace torchstreamer::server {
namespace {

constexpr guint kUpgradeRequired = 426;  // libsoup has no name for it
const char* const kLiveProtocol = "torchstreamer";
using Fields = std::unique_ptr<GHashTable, decltype(&g_hash_table_unref)>;

Fields query_of(SoupServerMessage* message) {
  GUri* uri = soup_server_message_get_uri(message);
  const char* query = g_uri_get_query(uri);
  if (!query) {  // libsoup leaves it in the path if a request of HTTP/1.0 has no host
    const char* mark = std::strchr(g_uri_get_path(uri), '?');
    if (mark) query = mark + 1;
  }
  return Fields(soup_form_decode(query ? query : ""), g_hash_table_unref);
}

GTlsCertificate* load_certificate(const Settings& settings) {
  g_autoptr(GError) error = nullptr;
  GTlsCertificate* certificate = g_tls_certificate_new_from_files(settings.tls_certificate.c_str(),
                                                                  settings.tls_key.c_str(), &error);
  if (certificate) return certificate;
  throw std::runtime_error("tls-certificate: " + settings.tls_certificate + " with the key " +
                           settings.tls_key + " cannot be used: " + error->message + ".");
}

}  // namespace

Server::Server(Sessions* sessions)
    : sessions_(sessions),
      server_(soup_server_new("server-header", "torchstreamer", nullptr)),
      pages_(sessions->settings().pages) {
  soup_server_add_early_handler(
      server_.get(), "/v1/process",
      [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer self) {
        static_cast<Server*>(self)->answer_process(message);
      },
      this, nullptr);
  soup_server_add_early_handler(
      server_.get(), "/v1/live",
      [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer self) {
        static_cast<Server*>(self)->answer_live(message);
      },
      this, nullptr);
  limit_idle_connections(server_.get(), sessions->settings().idle_s);
  route("/v1/models", &Server::answer_models);
  route("/v1/streams", &Server::answer_streams);
  route("/metrics", &Server::answer_metrics);
  route("/healthz", &Server::answer_health);
  route("/readyz", &Server::answer_ready);
  route("/", &Server::answer_page);
  listen();
}

Server::~Server() { soup_server_disconnect(server_.get()); }

void Server::route(const char* path, void (Server::*handler)(SoupServerMessage*)) {
  soup_server_add_early_handler(
      server_.get(), path,
      [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer) {
        refuse_unless_get(message);
      },
      nullptr, nullptr);
  struct Route {
    Server* server;
    void (Server::*handler)(SoupServerMessage*);
  };
  soup_server_add_handler(
      server_.get(), path,
      [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer data) {
        const auto& route = *static_cast<Route*>(data);
        try {
          (route.server->*route.handler)(message);
        } catch (const Failure& failure) {
          respond(message, failure);
        }
      },
      new Route{this, handler}, [](gpointer data) { delete static_cast<Route*>(data); });
}

void Server::listen() {
  const Settings& settings = sessions_->settings();
  const bool is_secure = !settings.tls_certificate.empty();
  if (is_secure) {
    const Ref<GTlsCertificate> certificate(load_certificate(settings));
    soup_server_set_tls_certificate(server_.get(), certificate.get());
  }
  const Ref<GSocketAddress> address(g_inet_socket_address_new_from_string(
      settings.address.c_str(), static_cast<guint>(settings.port)));
  g_autoptr(GError) error = nullptr;
  const auto options =
      is_secure ? SOUP_SERVER_LISTEN_HTTPS : static_cast<SoupServerListenOptions>(0);
  if (!soup_server_listen(server_.get(), address.get(), options, &error))
    throw std::runtime_error("address: the server cannot listen on " + settings.address +
                             ", port " + std::to_string(settings.port) + ": " + error->message +
                             ".");
}

std::string Server::address() const {
  GSList* uris = soup_server_get_uris(server_.get());
  g_autofree gchar* text = g_uri_to_string(static_cast<GUri*>(uris->data));
  g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  const std::string address = text;
  return address.back() == '/' ? address.substr(0, address.size() - 1) : address;
}

void Server::check_token(SoupServerMessage* message) const {
  const std::string& token = sessions_->settings().token;
  if (token.empty() || has_token(soup_server_message_get_request_headers(message), token)) return;
  throw Failure(
      SOUP_STATUS_UNAUTHORIZED,
      "The request needs the header \"Authorization: Bearer TOKEN\" with the token of the "
      "server.");
}

SessionRequest Server::parse_request(SoupServerMessage* message, Pace pace) {
  check_origin(message);
  check_token(message);
  const Fields query = query_of(message);
  SessionRequest request;
  request.model = query_value(query.get(), "model");
  request.address = remote_address(message);
  request.pace = pace;
  request.input = pace == Pace::kLive ? parse_raw_input(query.get())
                                      : parse_input(header(message, "Content-Type"));
  request.output = parse_output(query.get(), request.input);
  if (pace == Pace::kLive && request.output.container != Container::kRaw)
    throw Failure(SOUP_STATUS_BAD_REQUEST, "output: live sessions have raw output only.");
  sessions_->admit(request.model, request.address, pace);
  return request;
}

void Server::answer_process(SoupServerMessage* message) {
  defer(message, [this](SoupServerMessage* waiting) { start_process(waiting); });
}

void Server::start_process(SoupServerMessage* message) {
  std::shared_ptr<HttpSession> session;
  std::unique_ptr<Failure> failure;
  try {
    check_method(message, "POST");
    const SessionRequest request = parse_request(message, Pace::kFile);
    session = std::make_shared<HttpSession>(sessions_, request, message);
  } catch (const Failure& error) {
    failure = std::make_unique<Failure>(error);
  } catch (const std::exception& error) {
    failure = std::make_unique<Failure>(SOUP_STATUS_INTERNAL_SERVER_ERROR, error.what());
  }
  auto [connection, socket] = take_connection(message);
  if (failure) return refuse(std::move(connection), std::move(socket), *failure);
  sessions_->add(session);
  session->start(std::move(connection), std::move(socket));
}

void Server::answer_live(SoupServerMessage* message) {
  if (refuse_unless_get(message)) return;
  std::shared_ptr<LiveSession> session;
  try {
    const SessionRequest request = parse_request(message, Pace::kLive);
    session = std::make_shared<LiveSession>(sessions_, request);
    char* protocols[] = {const_cast<char*>(kLiveProtocol), nullptr};
    if (!soup_websocket_server_process_handshake(message, nullptr, protocols, nullptr, nullptr))
      throw Failure(kUpgradeRequired,
                    "This path accepts only WebSockets, version 13, with the protocol "
                    "\"torchstreamer\" if any.");
  } catch (const Failure& failure) {
    return respond(message, failure);
  } catch (const std::exception& error) {
    return respond(message, Failure(SOUP_STATUS_INTERNAL_SERVER_ERROR, error.what()));
  }
  struct Call {
    Server* server;
    std::shared_ptr<LiveSession> session;
  };
  const auto upgraded = +[](SoupServerMessage* upgrade, Call* call) {
    if (call->session) call->server->start_live(upgrade, std::move(call->session));
  };
  g_signal_connect_data(
      message, "wrote-informational", G_CALLBACK(upgraded), new Call{this, std::move(session)},
      [](gpointer data, GClosure*) { delete static_cast<Call*>(data); },
      static_cast<GConnectFlags>(0));
}

void Server::start_live(SoupServerMessage* message, std::shared_ptr<LiveSession> session) {
  const Ref<SoupServerMessage> kept(SOUP_SERVER_MESSAGE(g_object_ref(message)));
  GUri* uri = soup_server_message_get_uri(message);
  const char* protocol = soup_message_headers_get_one(
      soup_server_message_get_response_headers(message), "Sec-WebSocket-Protocol");
  auto [connection, socket] = take_connection(message);
  Ref<GIOStream> gated = new_gated_stream(connection.get());
  Ref<SoupWebsocketConnection> websocket(soup_websocket_connection_new(
      gated.get(), uri, SOUP_WEBSOCKET_CONNECTION_SERVER, nullptr, protocol, nullptr));
  sessions_->add(session);
  session->start(std::move(websocket), std::move(gated), std::move(socket));
}

void Server::answer_models(SoupServerMessage* message) {
  check_token(message);
  Json models = Json::array();
  for (const ModelInfo& model : sessions_->models().infos())
    models.push_back({{"name", model.name},
                      {"sample_rate", model.rate_hz},
                      {"channels", model.channels},
                      {"latency_ms", 1e-6 * static_cast<double>(model.latency_ns)},
                      {"weights_bytes", model.weights_bytes},
                      {"sha256", model.digest}});
  respond(message, Json{{"models", models}});
}

void Server::answer_streams(SoupServerMessage* message) {
  check_token(message);
  Json streams = Json::array();
  for (const auto& [id, session] : sessions_->all())
    streams.push_back(
        {{"id", id},
         {"model", session->request().model},
         {"kind", name_of(session->request().pace)},
         {"address", session->request().address},
         {"received_bytes", session->bytes_in()},
         {"sent_bytes", session->bytes_out()},
         {"audio_s", session->pipeline().output_s()},
         {"wall_s", 1e-6 * static_cast<double>(g_get_monotonic_time() - session->start_us())}});
  respond(message, Json{{"streams", streams}});
}

void Server::answer_metrics(SoupServerMessage* message) {
  check_token(message);
  respond(message, SOUP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8",
          print_metrics(sessions_->metrics(), *sessions_));
}

void Server::answer_health(SoupServerMessage* message) { respond(message, Json{{"status", "ok"}}); }

void Server::answer_ready(SoupServerMessage* message) {
  if (const auto refusal = sessions_->lack_of_room(Pace::kLive)) throw Failure(refusal->failure);
  respond(message, Json{{"status", "ready"}});
}

void Server::answer_page(SoupServerMessage* message) {
  pages_.answer(message, g_uri_get_path(soup_server_message_get_uri(message)));
}

}  // namespace torchstreamer::server
