#include "server/http/token.h"

namespace torchstreamer::server {
namespace {

const std::string kScheme = "Bearer ";
const std::string kProtocol = "bearer.";

std::string sha256(const std::string& text) {
  g_autofree gchar* digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.data(),
                                                           static_cast<gssize>(text.size()));
  return digest;
}

bool has_prefix(const std::string& text, const std::string& prefix) {
  return g_ascii_strncasecmp(text.c_str(), prefix.c_str(), prefix.size()) == 0;
}

}  // namespace

bool is_equal_in_constant_time(const std::string& a, const std::string& b) {
  // Digests have equal lengths, and a client cannot choose how long they agree.
  const std::string x = sha256(a), y = sha256(b);
  unsigned difference = 0;
  for (size_t i = 0; i < x.size(); ++i)
    difference |= static_cast<unsigned char>(x[i]) ^ static_cast<unsigned char>(y[i]);
  return difference == 0;
}

bool has_token(SoupMessageHeaders* headers, const std::string& token) {
  const char* authorization = soup_message_headers_get_one(headers, "Authorization");
  if (authorization && has_prefix(authorization, kScheme))
    return is_equal_in_constant_time(authorization + kScheme.size(), token);
  const char* protocols = soup_message_headers_get_list(headers, "Sec-WebSocket-Protocol");
  if (!protocols) return false;
  g_auto(GStrv) list = g_strsplit(protocols, ",", -1);
  for (gchar** protocol = list; *protocol; ++protocol) {
    const std::string name = g_strstrip(*protocol);
    if (has_prefix(name, kProtocol) &&
        is_equal_in_constant_time(name.substr(kProtocol.size()), token))
      return true;
  }
  return false;
}

}  // namespace torchstreamer::server
