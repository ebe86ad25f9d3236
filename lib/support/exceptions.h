// Messages of caught exceptions.
#pragma once

#include <exception>
#include <string>

namespace torchstreamer {

/// Message of a caught exception: one line, of libtorch's own text at most 400 bytes, without
/// stack traces, TorchScript tracebacks and the dispatcher's lists of backends.
std::string message_of(const std::exception& e);

/// Message of the exception that the caller is handling, as the reason to refuse a model. Rethrows
/// std::bad_alloc, because a lack of memory is not a property of the model.
std::string reason_of(const std::exception& e);

/// Called while handling an exception. Rethrows Error and std::bad_alloc, and throws any other
/// exception as an Error "<what>: <message>".
[[noreturn]] void rethrow_as_error(const std::string& what);

}  // namespace torchstreamer
