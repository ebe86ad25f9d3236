// Bearer tokens of requests.
#pragma once

#include <libsoup/soup.h>

#include <string>

namespace torchstreamer::server {

/// Compares in a time that does not depend on where the texts differ.
bool is_equal_in_constant_time(const std::string& a, const std::string& b);

/// True if the request has `token`: as "Authorization: Bearer TOKEN", or, because a browser cannot
/// set headers of a WebSocket, as the protocol "bearer.TOKEN" in Sec-WebSocket-Protocol.
bool has_token(SoupMessageHeaders* headers, const std::string& token);

}  // namespace torchstreamer::server
