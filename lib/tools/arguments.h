// The command line of torchstreamer-inspect.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "torchstreamer/load.h"

namespace torchstreamer::tools {

/// Sample rate of the input of models without one.
constexpr int64_t kDefaultRateHz = 48000;

struct Arguments {
  enum class Task { kInspect, kEmbed, kHelp, kVersion } task = Task::kInspect;
  enum class Output { kText, kJson, kDot } output = Output::kText;
  std::string path;
  std::string settings_path, out_path;  ///< of kEmbed
  LoadOptions load;
  int64_t rate_hz = 0;  ///< 0: the rate of the model, otherwise kDefaultRateHz
  bool verify = false;
  uint32_t seed = 1;
};

/// An error of the command line, in one line.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws UsageError.
Arguments parse_arguments(int argc, char** argv);

extern const char* const kHelp;

}  // namespace torchstreamer::tools
