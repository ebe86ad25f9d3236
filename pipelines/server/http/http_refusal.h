// Error responses to requests whose body is not read to its end.
#pragma once

#include <libsoup/soup.h>

#include "server/failure.h"
#include "server/ref.h"

namespace torchstreamer::server {

/// Sends an error, then drops what the client still sends until it closes the connection, for two
/// seconds at most: data that is left unread would reset the connection, and the client could lose
/// the response.
void refuse(Ref<GIOStream> connection, Ref<GSocket> socket, const Failure& failure);

/// First line of a response.
std::string status_line(guint status);

}  // namespace torchstreamer::server
