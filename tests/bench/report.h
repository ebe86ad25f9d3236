// Where the figures go: a table while they are made, a file at the end.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "options.h"

namespace torchstreamer::bench {

/// The columns of a row in their order; numbers and strings, their units in the names.
using Row = nlohmann::ordered_json;

class Report {
 public:
  Report(Options options, Row machine);

  const Options& options() const { return options_; }

  /// Prints the row, below those of its section. All rows of a section have the same columns.
  void add(const std::string& section, const Row& row);
  /// Writes the file that the options name, if any. Throws std::runtime_error.
  void write() const;

 private:
  Options options_;
  Row all_;
};

}  // namespace torchstreamer::bench
