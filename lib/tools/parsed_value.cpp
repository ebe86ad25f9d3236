#include "tools/parsed_value.h"

#include <optional>
#include <sstream>
#include <vector>

#include "support/parsed_number.h"

namespace torchstreamer::tools {
namespace {

// Returns the numbers of "[1, 0.5]"; none if the text is not such an array.
std::optional<std::vector<double>> parsed_array(const std::string& text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  std::vector<double> numbers;
  std::istringstream items(text.substr(1, text.size() - 2));
  for (std::string item; std::getline(items, item, ',');) {
    const size_t begin = item.find_first_not_of(' '), end = item.find_last_not_of(' ');
    if (begin == item.npos) return std::nullopt;
    const auto number = parsed_number<double>(item.substr(begin, end - begin + 1));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace

NamedValue parsed_value(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (const auto integer = parsed_number<int64_t>(text)) return *integer;
  if (const auto number = parsed_number<double>(text)) return *number;
  if (const auto numbers = parsed_array(text)) return *numbers;
  if (text.size() > 1 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace torchstreamer::tools
