// Values of arguments and attributes in a GstStructure.
#pragma once

#include <gst/gst.h>

#include "torchstreamer/call.h"

namespace torchstreamer {

/// Returns the fields of `structure`, the value of the property `property`; empty if `structure` is
/// null. A field is an integer, a floating-point number, a string, a boolean, or an array or list
/// of numbers. Throws OptionError for a field of a different type, an integer that does not fit in
/// 64 bits with a sign, and NaN.
NamedValues named_values(const GstStructure* structure, const char* property);

}  // namespace torchstreamer
