// Values of JSON, checked.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "torchstreamer/call.h"
#include "torchstreamer/error.h"

namespace torchstreamer::json {

using Json = nlohmann::ordered_json;

/// A value and its path of keys, such as "inputs.gain.min".
struct Field {
  std::string path;
  const Json& value;

  /// The value of a key of this object.
  Field at(const std::string& key, const Json& inner) const { return {path + "." + key, inner}; }
};

/// Parses one value. Throws Error with the line and column if the text is not JSON, has a key twice
/// in one object, or is nested deeply.
Json parsed(const std::string& text);

/// Returns a value as one line of ASCII, at most 60 characters.
std::string shown(const Json& value);

/// Throws Error: the key, the value that was found, and `accepted`.
[[noreturn]] void fail(const Field& field, const std::string& accepted);

/// The following functions return the value of a field, or throw Error as above.
int64_t integer(const Field& field, int64_t least, int64_t most);
double number(const Field& field);
std::string text(const Field& field);  ///< not empty
const Json& object(const Field& field);
/// Strings that are different and not empty.
std::vector<std::string> texts(const Field& field);
NamedValue named_value(const Field& field);

template <class T>
T choice(const Field& field, const std::vector<std::pair<const char*, T>>& choices) {
  std::string accepted;
  for (const auto& [name, value] : choices) {
    if (field.value == name) return value;
    accepted += (accepted.empty() ? "" : ", ") + std::string(name);
  }
  fail(field, accepted);
}

}  // namespace torchstreamer::json
