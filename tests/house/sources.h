// The source files of the repository, as text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace torchstreamer::house {

/// One #include of a file.
struct Include {
  std::string name;  ///< without the quotation marks or brackets
  bool is_system;    ///< in brackets
};

struct Source {
  std::filesystem::path path;  ///< relative to the repository
  std::vector<std::string> lines;

  std::string folder() const { return path.parent_path().string(); }
  std::vector<Include> includes() const;
};

/// The repository (TORCHSTREAMER_SOURCE).
std::filesystem::path repository();

/// The files below `folder` that end in one of `extensions`, sorted by path.
std::vector<Source> sources_in(const std::string& folder,
                               const std::vector<std::string>& extensions = {".h", ".cpp"});

/// The folder of an included file, relative to the repository; empty if the file is not in the
/// repository. Includes are relative to lib/, gst/ or the folder of the including file.
std::string folder_of(const Source& source, const Include& include);

}  // namespace torchstreamer::house
