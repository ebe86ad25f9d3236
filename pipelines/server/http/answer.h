// Requests that libsoup reads and answers.
#pragma once

#include <libsoup/soup.h>

#include <string>

#include "server/failure.h"
#include "server/json.h"

namespace torchstreamer::server {

/// Value of a header of the request; "" if it is missing.
std::string header(SoupServerMessage* message, const char* name);

void respond(SoupServerMessage* message, guint status, const char* type, const std::string& body);
void respond(SoupServerMessage* message, const Json& json);
void respond(SoupServerMessage* message, const Failure& failure);

/// Throws Failure if the request has a different method.
void check_method(SoupServerMessage* message, const char* method);

/// Throws Failure if the request has a body.
void check_no_body(SoupServerMessage* message);

/// Throws Failure if the request comes from a page of a different server: such pages must not use
/// the server of a user's machine.
void check_origin(SoupServerMessage* message);

}  // namespace torchstreamer::server
