// Values of arguments and attributes as text.
#pragma once

#include <string>

#include "torchstreamer/call.h"

namespace torchstreamer {

/// Returns the value as a user writes it: 'text', true, 3, 0.5, [1, 2].
std::string shown(const NamedValue& value);

}  // namespace torchstreamer
