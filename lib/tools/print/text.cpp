#include "tools/print/text.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "tools/print/print.h"

namespace torchstreamer::tools {
namespace {

// Rounds to three significant digits and adds the unit with a prefix: "1.50 M/s".
std::string large(double value, double step, const std::vector<std::string>& units) {
  size_t unit = 0;
  for (; value >= step && unit + 1 < units.size(); ++unit) value /= step;
  return (unit == 0 ? std::to_string(std::llround(value)) : rounded(value)) + " " + units[unit];
}

void print_section(std::ostream& out, const std::string& title,
                   const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return;
  out << "\n" << title << ":\n";
  print_table(out, rows);
}

// Returns the beginning of a value as JSON, except for null, which is printed as None. Whole
// characters of UTF-8.
std::string shown_value(const std::string& json) {
  constexpr size_t kMostShownBytes = 60;
  if (json == "null") return "None";
  if (json.size() <= kMostShownBytes) return json;
  size_t end = kMostShownBytes - 3;
  while (end > 0 && (json[end] & 0xc0) == 0x80) --end;
  return json.substr(0, end) + "...";
}

}  // namespace

std::string rounded(double value) {
  std::ostringstream text;
  const double size = std::abs(value);
  text << std::fixed << std::setprecision(size < 10 ? 2 : size < 100 ? 1 : 0) << value;
  return text.str();
}

std::string scientific(double value) {
  std::ostringstream text;
  text << std::setprecision(2) << value;
  return text.str();
}

std::string bytes(int64_t count) {
  return large(static_cast<double>(count), 1024, {"bytes", "KiB", "MiB", "GiB"});
}

std::string per_second(Rational per_frame, int64_t rate_hz) {
  return large(to_double(per_frame) * static_cast<double>(rate_hz), 1000,
               {"/s", "k/s", "M/s", "G/s", "T/s"});
}

std::string plural(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string frames(Rational count, int64_t rate_hz) {
  return to_text(count) + (count == Rational(1) ? " frame, " : " frames, ") +
         rounded(1000 * to_double(count) / static_cast<double>(rate_hz)) + " ms";
}

void row(std::ostream& out, const std::string& what, const std::string& value) {
  out << "  " << std::left << std::setw(18) << what << value << "\n";
}

void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& cells : rows)
    for (size_t c = 0; c < cells.size(); ++c) widths[c] = std::max(widths[c], cells[c].size());
  for (const auto& cells : rows) {
    std::string line = " ";
    for (size_t c = 0; c < cells.size(); ++c)
      line += " " + cells[c] + std::string(widths[c] - cells[c].size() + 1, ' ');
    out << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
  }
}

void print_interface(std::ostream& out, const Interface& interface) {
  if (!interface.has_choices()) return;
  std::vector<std::vector<std::string>> rows;
  for (const std::string& method : interface.methods) rows.push_back({method});
  print_section(out, "Methods", rows);
  rows.clear();
  for (const auto& [name, type, origin, value] : interface.arguments)
    rows.push_back({name, type, origin, shown_value(value),
                    origin == "must be set" ? "--input " + name + "=VALUE" : ""});
  print_section(out, "Arguments of " + interface.method + "()", rows);
  rows.clear();
  for (const auto& [name, type, value, can_be_set] : interface.attributes)
    rows.push_back(
        {name, type, shown_value(value), can_be_set ? "--attribute " + name + "=VALUE" : "fixed"});
  print_section(out, "Attributes", rows);
}

void print_settings(std::ostream& out, const std::string& json) {
  std::string title = "settings";
  const auto settings = nlohmann::ordered_json::parse(json);
  for (const auto& [key, value] : settings.items())
    row(out, std::exchange(title, ""), key + ": " + value.dump());
}

}  // namespace torchstreamer::tools
