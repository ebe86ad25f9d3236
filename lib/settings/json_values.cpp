#include "settings/json_values.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace torchstreamer::json {
namespace {

constexpr size_t kMostQuotedBytes = 60;
constexpr size_t kMostNesting = 64;

/// Checks the keys and the nesting of a text while it is parsed.
class Structure {
 public:
  bool operator()(int, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) keys_.emplace_back();
    if (event == Event::object_end || event == Event::array_end) keys_.pop_back();
    if (keys_.size() > kMostNesting) throw Error("it is nested too deeply");
    if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second)
      throw Error("key " + shown(value) + " is given twice");
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;  // of the open objects and arrays
};

std::string place(const std::string& text, size_t byte) {
  const auto end = text.begin() + std::min(text.size(), std::max<size_t>(byte, 1) - 1);
  const auto line_begin = std::find(std::make_reverse_iterator(end), text.rend(), '\n').base();
  return "line " + std::to_string(1 + std::count(text.begin(), end, '\n')) + ", column " +
         std::to_string(1 + (end - line_begin));
}

// Returns the value of an integer of 64 bits. 16000.0 is an integer, as in JSON schemas.
std::optional<int64_t> integer_of(const Json& value) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  if (value.is_number_unsigned() && value.get<uint64_t>() >= uint64_t{1} << 63) return std::nullopt;
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const auto number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) >= kEnd) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace

Json parsed(const std::string& text) {
  try {
    return Json::parse(text, Structure());
  } catch (const Json::parse_error& e) {
    throw Error("it is not valid JSON at " + place(text, e.byte));
  } catch (const Json::out_of_range&) {
    throw Error("it has a number that is too large");
  }
}

std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kMostQuotedBytes ? text : text.substr(0, kMostQuotedBytes - 3) + "...";
}

void fail(const Field& field, const std::string& accepted) {
  throw Error("key " + shown(field.path) + " is " + shown(field.value) + "; accepted: " + accepted);
}

int64_t integer(const Field& field, int64_t least, int64_t most) {
  const std::optional<int64_t> number = integer_of(field.value);
  if (!number || *number < least || *number > most)
    fail(field, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return *number;
}

double number(const Field& field) {
  if (!field.value.is_number()) fail(field, "a number");
  return field.value.get<double>();
}

std::string text(const Field& field) {
  if (!field.value.is_string() || field.value.get_ref<const std::string&>().empty())
    fail(field, "a string that is not empty");
  return field.value.get<std::string>();
}

const Json& object(const Field& field) {
  if (!field.value.is_object()) fail(field, "an object");
  return field.value;
}

std::vector<std::string> texts(const Field& field) {
  const Json& items = field.value;
  std::set<std::string> different;
  const auto is_new = [&](const Json& item) {
    return item.is_string() && !item.get_ref<const std::string&>().empty() &&
           different.insert(item.get<std::string>()).second;
  };
  if (!items.is_array() || items.empty() || !std::all_of(items.begin(), items.end(), is_new))
    fail(field, "an array of different strings that are not empty");
  return items.get<std::vector<std::string>>();
}

NamedValue named_value(const Field& field) {
  const Json& value = field.value;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer() && integer_of(value)) return *integer_of(value);
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  const auto is_number = [](const Json& item) { return item.is_number(); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_number))
    fail(field, "a number, a string, true, false or an array of numbers");
  return value.get<std::vector<double>>();
}

}  // namespace torchstreamer::json
