// Connections of libsoup's server.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <string>
#include <utility>

#include "server/failure.h"
#include "server/ref.h"

namespace torchstreamer::server {

/// Ends connections on which the headers of a request do not arrive within this time.
void limit_idle_connections(SoupServer* server, uint64_t seconds);

/// Text of the client's address. Throws Failure if the client has left.
std::string remote_address(SoupServerMessage* message);

/// Takes the connection of a message from libsoup.
std::pair<Ref<GIOStream>, Ref<GSocket>> take_connection(SoupServerMessage* message);

/// Calls `call`, which takes the connection, once libsoup has left its own functions; not if the
/// client has left until then.
void defer(SoupServerMessage* message, std::function<void(SoupServerMessage*)> call);

/// Refuses a request that has a different method than GET, or a body, and returns true: libsoup
/// would read the body to its end, into memory.
bool refuse_unless_get(SoupServerMessage* message);

}  // namespace torchstreamer::server
