#include "report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace torchstreamer::bench {
namespace {

std::string text_of(const Row& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  if (value.is_null()) return "";
  char text[32];
  const double number = value.get<double>();
  std::snprintf(text, sizeof text, number >= 100 ? "%.0f" : number >= 10 ? "%.1f" : "%.2f", number);
  return text;
}

// The first column names the row, the others are figures.
void print_cells(const Row& row, const std::vector<std::string>& cells) {
  size_t column = 0;
  for (const auto& [name, value] : row.items()) {
    const int width = static_cast<int>(std::max<size_t>(name.size(), 6));
    if (column == 0)
      std::printf("%-14s", cells[column].c_str());
    else
      std::printf("  %*s", width, cells[column].c_str());
    ++column;
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

Report::Report(Options options, Row machine) : options_(std::move(options)) {
  for (const auto& [name, value] : machine.items())
    std::printf("%s: %s\n", name.c_str(), text_of(value).c_str());
  all_["machine"] = std::move(machine);
  all_["seconds"] = options_.seconds;
  all_["file_seconds"] = options_.file_seconds;
  all_["repeats"] = options_.repeats;
}

void Report::add(const std::string& section, const Row& row) {
  std::vector<std::string> names, values;
  for (const auto& [name, value] : row.items()) {
    names.push_back(name);
    values.push_back(text_of(value));
  }
  if (!all_.contains(section)) {
    std::printf("\n%s\n", section.c_str());
    print_cells(row, names);
  }
  print_cells(row, values);
  all_[section].push_back(row);
}

void Report::write() const {
  if (options_.json.empty()) return;
  std::ofstream file(options_.json);
  if (!(file << all_.dump(2) << "\n")) throw std::runtime_error("cannot write " + options_.json);
}

}  // namespace torchstreamer::bench
