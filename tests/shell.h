// Commands of a shell for tests.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

namespace torchstreamer::test {

/// Status and output of a command.
struct Result {
  int status;
  std::string text;
};

/// Runs a command of the shell. Its errors are part of the text.
inline Result shell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  Result result{0, ""};
  char buffer[4096];
  while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) result.text.append(buffer, n);
  result.status = pclose(pipe);
  return result;
}

}  // namespace torchstreamer::test
