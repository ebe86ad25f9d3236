#include "support/reason.h"

#include <new>

#include "support/tensor.h"

namespace torchstreamer {

std::string reason_of(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e)) throw;
  return message_of(e);
}

}  // namespace torchstreamer
