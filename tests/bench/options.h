// Command line of the benchmark.
#pragma once

#include <string>

namespace torchstreamer::bench {

struct Options {
  std::string only;          ///< a section, a model or a pair of rates; empty: all
  double seconds = 2;        ///< audio in each repeat
  double file_seconds = 10;  ///< audio that libtorch gets as a whole
  double long_seconds = 60;  ///< audio over which chunks are timed one by one
  int repeats = 5;
  std::string json;  ///< the file that gets the rows; empty: none

  bool wants(const std::string& section, const std::string& row) const {
    return only.empty() || only == section || only == row;
  }
};

/// Throws std::invalid_argument.
Options parse_options(int argc, char** argv);

extern const char* const kHelp;

}  // namespace torchstreamer::bench
