// JSON of exported programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace torchstreamer::exported {

/// Returns the parsed text. Infinity and NaN, which Python before torch 2.9 wrote as they are,
/// become strings. Throws Error if it is not JSON, or nested too deeply for a program.
nlohmann::json parsed_json(std::string text);

}  // namespace torchstreamer::exported
