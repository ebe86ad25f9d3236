#include "server/http/connection.h"

#include "server/http/answer.h"
#include "server/http/http_refusal.h"

namespace torchstreamer::server {
namespace {

struct IdleLimit {
  guint seconds;
};

void watch(SoupServer*, SoupServerMessage* message, IdleLimit* limit) {
  GSocket* socket = soup_server_message_get_socket(message);
  if (!socket) return;
  using Timer = Ref<GSource>;
  auto* timer = new Timer(g_timeout_source_new_seconds(limit->seconds));
  const GSourceFunc end = [](gpointer idle) -> gboolean {
    g_socket_shutdown(G_SOCKET(idle), TRUE, TRUE, nullptr);
    return G_SOURCE_REMOVE;
  };
  g_source_set_callback(timer->get(), end, g_object_ref(socket), g_object_unref);
  g_source_attach(timer->get(), nullptr);
  const auto stop = +[](SoupServerMessage*, Timer* running) { running->reset(); };
  g_signal_connect_data(
      message, "got-headers", G_CALLBACK(stop), timer,
      [](gpointer data, GClosure*) { delete static_cast<Timer*>(data); },
      static_cast<GConnectFlags>(0));
}

}  // namespace

void limit_idle_connections(SoupServer* server, uint64_t seconds) {
  g_signal_connect_data(
      server, "request-started", G_CALLBACK(watch), new IdleLimit{static_cast<guint>(seconds)},
      [](gpointer data, GClosure*) { delete static_cast<IdleLimit*>(data); },
      static_cast<GConnectFlags>(0));
}

std::string remote_address(SoupServerMessage* message) {
  GSocketAddress* remote = soup_server_message_get_remote_address(message);
  if (!remote) throw Failure(SOUP_STATUS_BAD_REQUEST, "The client has closed the connection.");
  g_autofree gchar* text =
      g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
  return text;
}

std::pair<Ref<GIOStream>, Ref<GSocket>> take_connection(SoupServerMessage* message) {
  GSocket* socket = soup_server_message_get_socket(message);
  Ref<GSocket> kept(G_SOCKET(g_object_ref(socket)));
  return {Ref<GIOStream>(soup_server_message_steal_connection(message)), std::move(kept)};
}

void defer(SoupServerMessage* message, std::function<void(SoupServerMessage*)> call) {
  struct Deferred {
    std::function<void(SoupServerMessage*)> call;
    Ref<SoupServerMessage> message;
  };
  soup_server_message_pause(message);
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        const auto& deferred = *static_cast<Deferred*>(data);
        SoupServerMessage* waiting = deferred.message.get();
        if (soup_server_message_get_socket(waiting)) deferred.call(waiting);
        return G_SOURCE_REMOVE;
      },
      new Deferred{std::move(call),
                   Ref<SoupServerMessage>(SOUP_SERVER_MESSAGE(g_object_ref(message)))},
      [](gpointer data) { delete static_cast<Deferred*>(data); });
}

bool refuse_unless_get(SoupServerMessage* message) {
  try {
    check_method(message, "GET");
    check_no_body(message);
    return false;
  } catch (const Failure& failure) {
    defer(message, [failure](SoupServerMessage* waiting) {
      auto [connection, socket] = take_connection(waiting);
      refuse(std::move(connection), std::move(socket), failure);
    });
    return true;
  }
}

}  // namespace torchstreamer::server
