// Numbers in texts.
#pragma once

#include <charconv>
#include <optional>
#include <string>

namespace torchstreamer {

/// Returns the value of a text that is a number and nothing else: no blanks, no "+". None if it is
/// not a number or does not fit into the type.
template <class Number>
std::optional<Number> parsed_number(const std::string& text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? std::optional<Number>(number) : std::nullopt;
}

}  // namespace torchstreamer
