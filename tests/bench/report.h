// Output of the benchmark: prints tables while it runs, writes a file at the end.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "options.h"

namespace torchstreamer::bench {

/// Columns of a row, in order: numbers and strings, with the units in the names.
using Row = nlohmann::ordered_json;

class Report {
 public:
  Report(Options options, Row machine);

  const Options& options() const { return options_; }

  /// Adds and prints a row of the section. All rows of a section have the same columns.
  void add(const std::string& section, const Row& row);
  /// Writes the file that the options name, if any. Throws std::runtime_error.
  void write() const;

 private:
  Options options_;
  Row all_;
};

}  // namespace torchstreamer::bench
