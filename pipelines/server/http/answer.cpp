#include "server/http/answer.h"

namespace torchstreamer::server {

/// Closes the connection: libsoup 3.2 does not notice that a client closes one that it keeps.
void respond(SoupServerMessage* message, guint status, const char* type, const std::string& body) {
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection",
                               "close");
  // A refused handshake has set a body.
  soup_message_body_truncate(soup_server_message_get_response_body(message));
  soup_server_message_set_status(message, status, nullptr);
  soup_server_message_set_response(message, type, SOUP_MEMORY_COPY, body.data(), body.size());
}

void respond(SoupServerMessage* message, const Json& json) {
  respond(message, SOUP_STATUS_OK, "application/json", print(json) + "\n");
}

void respond(SoupServerMessage* message, const Failure& failure) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  if (failure.retry_after_s())
    soup_message_headers_replace(headers, "Retry-After",
                                 std::to_string(failure.retry_after_s()).c_str());
  if (failure.status() == SOUP_STATUS_UNAUTHORIZED)
    soup_message_headers_replace(headers, "WWW-Authenticate", "Bearer");
  respond(message, failure.status(), "application/json",
          print(Json{{"error", failure.what()}}) + "\n");
}

std::string header(SoupServerMessage* message, const char* name) {
  const char* value =
      soup_message_headers_get_one(soup_server_message_get_request_headers(message), name);
  return value ? value : "";
}

void check_method(SoupServerMessage* message, const char* method) {
  if (soup_server_message_get_method(message) != g_intern_string(method))
    throw Failure(SOUP_STATUS_METHOD_NOT_ALLOWED,
                  std::string("This path accepts only ") + method + ".");
}

void check_no_body(SoupServerMessage* message) {
  const std::string length = header(message, "Content-Length");
  if (header(message, "Transfer-Encoding").empty() && (length.empty() || length == "0")) return;
  throw Failure(SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "This path accepts no body.");
}

void check_origin(SoupServerMessage* message) {
  const std::string origin = header(message, "Origin");
  if (origin.empty()) return;
  const size_t slashes = origin.find("://");
  if (slashes == std::string::npos || origin.substr(slashes + 3) != header(message, "Host"))
    throw Failure(SOUP_STATUS_FORBIDDEN, "The request comes from a page of a different server.");
}

}  // namespace torchstreamer::server
