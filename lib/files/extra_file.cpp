#include "files/extra_file.h"

#include <sys/stat.h>

#include <algorithm>

#include "files/zip_copy.h"

namespace torchstreamer {
namespace {

constexpr mode_t kPermissions = 0666;

// Archives of torch.export.save() of torch 2.5 to 2.7 have no folder around all entries.
constexpr char kProgramWithoutFolder[] = "serialized_exported_program.json";

std::string name_of_entry(const ZipDirectory& directory, const std::string& name) {
  const auto& entries = directory.entries;
  if (entries.empty()) throw FileFault("is an empty archive");
  const bool has_no_folder = std::any_of(entries.begin(), entries.end(), [](const ZipEntry& entry) {
    return entry.name == kProgramWithoutFolder;
  });
  if (has_no_folder) return "extra_files/" + name;
  const std::string& first = entries.front().name;
  return first.substr(0, first.find('/') + 1) + "extra/" + name;
}

}  // namespace

std::optional<std::string> read_extra_file(const std::string& path, const std::string& name,
                                           uint64_t most_bytes) {
  const BinaryFile file(path);
  const ZipDirectory directory = read_zip_directory(file);
  const std::string entry_name = name_of_entry(directory, name);
  const auto entry = std::find_if(directory.entries.begin(), directory.entries.end(),
                                  [&](const ZipEntry& entry) { return entry.name == entry_name; });
  if (entry == directory.entries.end()) return std::nullopt;
  if (entry->method != ZipEntry::kStored)
    throw FileFault("is compressed; store it without compression, as zip -0 does");
  if (entry->bytes > most_bytes)
    throw FileFault("has " + std::to_string(entry->bytes) + " bytes; at most " +
                    std::to_string(most_bytes) + " are read");
  const std::string content = file.text(data_position(file, *entry), entry->bytes);
  if (content.size() != entry->bytes || zip_checksum(content) != entry->crc)
    throw FileFault(damaged("its checksum is wrong"));
  return content;
}

void copy_with_extra_file(const std::string& from, const std::string& to, const std::string& name,
                          const std::string& content) {
  const BinaryFile file(from);
  OutputFile out(to, kPermissions);
  copy_zip_with(file, name_of_entry(read_zip_directory(file), name), content, out);
  out.commit();
}

}  // namespace torchstreamer
