#include "support/exceptions.h"

#include <c10/util/Exception.h>

#include <new>

#include "torchstreamer/error.h"

namespace torchstreamer {

std::string message_of(const std::exception& e) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  return torch_error ? torch_error->what_without_backtrace() : e.what();
}

std::string reason_of(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e)) throw;
  return message_of(e);
}

void rethrow_as_error(const std::string& what) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(what + ": " + reason_of(e));
  }
}

}  // namespace torchstreamer
