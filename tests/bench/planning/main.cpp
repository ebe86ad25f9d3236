// Cost of the decision if and how a model streams: CPU time and peak memory of planning each model
// file of some folders, compared with those of reading it alone, with torch.jit.load() or
// load_exported_program(). Each measurement is a process of its own, so that its peak is its own.
#include <sys/resource.h>
#include <sys/wait.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "torchstreamer/error.h"
#include "torchstreamer/exported_program.h"
#include "torchstreamer/load.h"
#include "torchstreamer/stream.h"

namespace torchstreamer::bench {
namespace {

namespace fs = std::filesystem;

constexpr char kHelp[] =
    "usage: planning [--only PART-OF-A-NAME] FOLDER...\n"
    "\n"
    "Plans each model file (*.pt, *.pt2) below the folders in a process of its own, and prints\n"
    "what that takes in addition to reading it: seconds of CPU time and MiB of peak memory.\n";

struct Usage {
  double cpu_seconds = 0;
  double peak_mib = 0;
  std::string result;  ///< "streams" or the begin of the refusal
};

// ---- In the process that is measured

enum class Task { kRead, kPlan };

bool is_exported(const fs::path& file) { return file.extension() == ".pt2"; }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Largest resident memory of this process. That of getrusage() contains its parent's.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

void measure(Task task, const std::string& path) {
  std::string result = "streams";
  try {
    if (task == Task::kPlan)
      load_stream(path);
    else if (is_exported(path))
      load_exported_program(path);
    else
      torch::jit::load(path);
  } catch (const std::exception& e) {
    result = std::string(e.what()).substr(0, 60);
    std::replace(result.begin(), result.end(), '\n', ' ');
  }
  std::cout << cpu_seconds() << ' ' << peak_mib() << ' ' << result << std::endl;
  std::_Exit(0);  // the time of the end of the process is not measured
}

// ---- In the process that prints

// Runs this program with the task as its arguments and returns the line that it prints.
Usage measured(const std::string& program, const char* task, const std::string& path) {
  const std::string command = "'" + program + "' " + task + " '" + path + "'";
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error("cannot run " + command);
  std::array<char, 512> line{};
  const bool has_line = fgets(line.data(), line.size(), pipe) != nullptr;
  if (pclose(pipe) != 0 || !has_line) throw Error(command + " fails");
  Usage usage;
  std::istringstream fields(line.data());
  fields >> usage.cpu_seconds >> usage.peak_mib;
  std::getline(fields >> std::ws, usage.result);
  return usage;
}

struct Row {
  Usage read, plan;
  double seconds() const { return plan.cpu_seconds - read.cpu_seconds; }
  double mib() const { return plan.peak_mib - read.peak_mib; }
};

void print(const std::string& name, const Row& row) {
  std::printf("%-44s %7.2f %7.2f %7.0f %7.0f  %s\n", name.c_str(), row.read.cpu_seconds,
              row.seconds(), row.read.peak_mib, row.mib(), row.plan.result.c_str());
  std::fflush(stdout);
}

// Families are the first words of names, "tcn" of "tcn_chomp.script.pt", and programs of
// torch.export.
std::string family_of(const fs::path& file) {
  if (is_exported(file)) return "torch.export";
  const std::string name = file.filename();
  return name.substr(0, name.find_first_of("_."));
}

void print_families(const std::map<std::string, std::vector<Row>>& families) {
  std::printf("\n%-44s %7s %7s %7s\n", "family: largest of its files", "files", "+ s", "+ MiB");
  for (const auto& [family, rows] : families) {
    double seconds = 0, mib = 0;
    for (const Row& row : rows) {
      seconds = std::max(seconds, row.seconds());
      mib = std::max(mib, row.mib());
    }
    std::printf("%-44s %7zu %7.2f %7.0f\n", family.c_str(), rows.size(), seconds, mib);
  }
}

// Model files, not the expected outputs beside programs of torch.export.
std::vector<fs::path> model_files(const fs::path& folder, const std::string& part) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path& file = entry.path();
    const bool is_model =
        is_exported(file) || (file.extension() == ".pt" && file.stem().extension() != ".expected");
    if (is_model && file.filename().string().find(part) != std::string::npos) files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void run(const std::string& program, const std::vector<std::string>& folders,
         const std::string& part) {
  std::vector<fs::path> files;
  for (const std::string& folder : folders)
    for (const fs::path& file : model_files(folder, part)) files.push_back(file);
  std::printf("%-44s %7s %7s %7s %7s\n", "file", "load s", "+ s", "MiB", "+ MiB");
  std::map<std::string, std::vector<Row>> families;
  for (const fs::path& file : files) {
    const Row row{measured(program, "--read", file), measured(program, "--plan", file)};
    print(file.filename(), row);
    families[family_of(file)].push_back(row);
  }
  print_families(families);
}

}  // namespace
}  // namespace torchstreamer::bench

int main(int argc, char** argv) {
  using namespace torchstreamer::bench;
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string part;
  if (arguments.size() > 2 && arguments[0] == "--only") {
    part = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "--only") {
    std::printf("%s", kHelp);
    return arguments == std::vector<std::string>{"--help"} ? 0 : 2;
  }
  if (arguments[0] == "--read") measure(Task::kRead, arguments.at(1));
  if (arguments[0] == "--plan") measure(Task::kPlan, arguments.at(1));
  try {
    run(fs::read_symlink("/proc/self/exe"), arguments, part);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "planning: %s\n", e.what());
    return 1;
  }
}
