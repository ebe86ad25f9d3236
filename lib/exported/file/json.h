// JSON of exported programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace torchstreamer::exported {

/// Returns the parsed text. Infinity and NaN, which torch before 2.9 wrote without quotes, become
/// strings. Throws Error if it is not JSON, or nested too deeply for a program.
nlohmann::json parsed_json(std::string text);

}  // namespace torchstreamer::exported
