// Parser of settings.
#pragma once

#include <string>
#include <vector>

#include "settings/settings.h"

namespace torchstreamer {

/// Parses settings, an object of JSON. An unknown key is a remark. Throws Error that begins with
/// `file`, the name of the file for the message, if the text is not JSON or if a value is not
/// accepted.
Settings parse_settings(const std::string& json, const std::string& file);

/// All keys that are accepted.
std::vector<std::string> settings_keys();

/// Keys of an input or attribute that is written as an object.
std::vector<std::string> value_settings_keys();

}  // namespace torchstreamer
