#include "options.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace torchstreamer::bench {

const char* const kHelp = R"(Usage: bench [OPTION]...
  --only NAME         one section (models, resample, modules, blocks, jitter, flatness,
                      memory, cores, groups),
                      or the rows of one model or of one pair of rates ("44100->48000")
  --seconds S         audio in each repeat (2)
  --file-seconds S    audio that libtorch gets as a whole file (10); a file of 1 s is measured, too
  --long-seconds S    audio over which jitter is measured (60)
  --repeats N         repeats; each figure is their median (5)
  --json FILE         writes the rows to FILE, too
)";

Options parse_options(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--only", [&](auto& value) { options.only = value; }},
      {"--seconds", [&](auto& value) { options.seconds = std::stod(value); }},
      {"--file-seconds", [&](auto& value) { options.file_seconds = std::stod(value); }},
      {"--long-seconds", [&](auto& value) { options.long_seconds = std::stod(value); }},
      {"--repeats", [&](auto& value) { options.repeats = std::stoi(value); }},
      {"--json", [&](auto& value) { options.json = value; }},
  };
  for (int i = 1; i < argc; i += 2) {
    const auto option = known.find(argv[i]);
    if (option == known.end() || i + 1 == argc) throw std::invalid_argument(argv[i]);
    option->second(argv[i + 1]);
  }
  if (options.seconds <= 0 || options.file_seconds <= 0 || options.long_seconds <= 0 ||
      options.repeats < 1)
    throw std::invalid_argument("figures must be positive");
  return options;
}

}  // namespace torchstreamer::bench
