// JSON values with their keys in the order of insertion.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace torchstreamer::server {

using Json = nlohmann::ordered_json;

/// One line. Bytes that are not UTF-8 are replaced.
inline std::string print(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace torchstreamer::server
