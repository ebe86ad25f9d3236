// Values of arguments of a model on a command line.
#pragma once

#include <string>

#include "torchstreamer/call.h"

namespace torchstreamer::tools {

/// Returns the value in the type that the text has: true or false, an integer, another number, an
/// array such as "[1, 0.5]", otherwise a string. Quotes make any text a string.
NamedValue parsed_value(const std::string& text);

}  // namespace torchstreamer::tools
