#include "support/value_text.h"

#include <limits>
#include <sstream>

namespace torchstreamer {
namespace {

std::string text_of_number(double number) {
  std::ostringstream text;
  text.precision(std::numeric_limits<double>::digits10);
  text << number;
  return text.str();
}

}  // namespace

std::string shown(const NamedValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return text_of_number(*real);
  std::string text;
  for (const double number : std::get<std::vector<double>>(value))
    text += (text.empty() ? "" : ", ") + text_of_number(number);
  return "[" + text + "]";
}

}  // namespace torchstreamer
