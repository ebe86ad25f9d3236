// Runs torchstreamer-inspect in a process.
#pragma once

#include <gtest/gtest.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "torchstreamer/modules.h"

namespace torchstreamer::tools {

namespace fs = std::filesystem;
using Json = nlohmann::json;

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (!value) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

inline std::string model(const std::string& name) {
  return variable("TORCHSTREAMER_MODELS") + "/" + name + ".script.pt";
}

inline std::string content(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Fixture with a temporary folder for the output of the program.
class Inspect : public ::testing::Test {
 protected:
  struct Result {
    int status;
    std::string out, err;
  };

  Result run(const std::string& arguments) const {
    const std::string command = variable("TORCHSTREAMER_INSPECT") + " " + arguments + " > " +
                                path("out") + " 2> " + path("err");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(path("out")),
            content(path("err"))};
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Json json(const std::string& arguments, int status = 0) const {
    const Result result = run(arguments + " --json");
    EXPECT_EQ(result.status, status) << result.err;
    return Json::parse(result.out);
  }

  const test::TemporaryFolder folder_;
};

inline Json exact(Rational r) { return {{"num", r.num}, {"den", r.den}}; }

}  // namespace torchstreamer::tools
