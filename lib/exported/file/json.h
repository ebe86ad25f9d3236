// JSON of exported programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace torchstreamer::exported {

/// Returns the parsed text. Infinity and NaN, which torch before 2.9 wrote without quotes, become
/// strings. Throws Error if it is not JSON, nested too deeply for a program, or has so many values
/// that they would take more than about 100 MB.
nlohmann::json parsed_json(std::string text);

}  // namespace torchstreamer::exported
