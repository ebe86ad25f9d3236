// Where a model's file is, and whether it can be read.
#pragma once

#include <gst/gst.h>

#include <string>

namespace torchstreamer {

/// The path of the file that `location`, a path or a file:// URI, names; empty, after an element
/// error, where no file there can be read.
std::string find_model_file(GstElement* element, const std::string& location);

}  // namespace torchstreamer
