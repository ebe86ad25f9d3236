// What failed, where that is a reason to refuse a model or a module.
#pragma once

#include <exception>
#include <string>

namespace torchstreamer {

/// Inside of a catch clause: what the caught exception says, without libtorch's stack trace. A lack
/// of memory is no reason: it is thrown again.
std::string reason_of(const std::exception& e);

}  // namespace torchstreamer
