#include "tools/embed.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "files/binary_file.h"
#include "files/extra_file.h"
#include "files/file_kind.h"
#include "settings/parse.h"
#include "torchstreamer/error.h"

namespace torchstreamer::tools {
namespace {

namespace fs = std::filesystem;

std::string in_quotes(const fs::path& path) { return "'" + path.string() + "'"; }

// Returns the text of a file of settings, which may be a pipe.
std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostSettingsBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    throw Error(in_quotes(path) + " cannot be read: " + std::strerror(errno));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMostSettingsBytes)
    throw Error(in_quotes(path) + " has more than " + std::to_string(kMostSettingsBytes) +
                " bytes, the largest size of settings");
  return text;
}

// Returns the path of the copy: links are followed; the name of the model is appended to a folder.
fs::path copy_path(const fs::path& model, const fs::path& copy) {
  fs::path path = fs::weakly_canonical(copy);
  if (fs::is_directory(path)) path /= model.filename();
  if (fs::exists(path) && fs::equivalent(model, path))
    throw Error(in_quotes(model) + " and " + in_quotes(copy) +
                " are the same file; give a different path for the copy");
  if (fs::exists(path) && !fs::is_regular_file(path))
    throw Error(in_quotes(path) + " is not a regular file; give a path for the copy");
  return path;
}

}  // namespace

void embed_settings(const std::string& settings, const std::string& model, const std::string& copy,
                    std::ostream& warnings) {
  const std::string text = read_text(settings);
  const Settings parsed = parse_settings(text, in_quotes(settings));
  const FileKind kind = file_kind(model);
  if (kind.program == ProgramFormat::kNone) throw Error(in_quotes(model) + " " + kind.fault);
  const fs::path path = copy_path(model, copy);
  try {
    copy_with_extra_file(model, path.string(), kSettingsName, text);
  } catch (const FileFault& fault) {
    throw Error(in_quotes(model) + " " + fault.what());
  }
  for (const std::string& warning : parsed.warnings)
    warnings << settings << ": " << warning << "\n";
}

}  // namespace torchstreamer::tools
