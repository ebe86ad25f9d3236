#include "sources.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <stdexcept>

namespace torchstreamer::house {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> read_lines(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<Include> Source::includes() const {
  static const std::regex pattern("#include ([\"<])([^\">]+)[\">].*");
  std::vector<Include> found;
  for (const std::string& line : lines)
    if (std::smatch match; std::regex_match(line, match, pattern))
      found.push_back({match[2], match[1] == "<"});
  return found;
}

fs::path repository() {
  const char* folder = std::getenv("TORCHSTREAMER_SOURCE");
  if (!folder) throw std::runtime_error("TORCHSTREAMER_SOURCE is not set to the repository");
  return folder;
}

std::vector<Source> sources_in(const std::string& folder,
                               const std::vector<std::string>& extensions) {
  std::vector<Source> sources;
  for (const auto& entry : fs::recursive_directory_iterator(repository() / folder)) {
    const std::string extension = entry.path().extension().string();
    if (std::find(extensions.begin(), extensions.end(), extension) == extensions.end()) continue;
    sources.push_back({fs::relative(entry.path(), repository()), read_lines(entry.path())});
  }
  std::sort(sources.begin(), sources.end(),
            [](const Source& a, const Source& b) { return a.path < b.path; });
  return sources;
}

std::string folder_of(const Source& source, const Include& include) {
  if (include.is_system) return "";
  const std::string own = *source.path.begin();
  for (const fs::path& base : {source.path.parent_path(), fs::path(own), fs::path("lib")})
    if (fs::exists(repository() / base / include.name))
      return (base / include.name).lexically_normal().parent_path().string();
  return "";
}

}  // namespace torchstreamer::house
