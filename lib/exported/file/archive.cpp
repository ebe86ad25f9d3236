#include "exported/file/archive.h"

#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>
#include <zip.h>

#include <filesystem>

#include "torchstreamer/error.h"

namespace torchstreamer::exported {
namespace {

// Largest ratio of the bytes of all entries to those of the archive: torch.export.save() compresses
// nothing, other writers of zip files compress the text of the program. Archives in an archive are
// written by torch.save(), which never compresses; the ratios of both would multiply.
constexpr int64_t kMostInflation = 64, kMostInnerInflation = 1;

// Size of the largest entry that is read as text. An operator of a program takes 1 to 3 kB.
constexpr int64_t kMostTextBytes = int64_t{1} << 25;

std::string reason_of_open(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  return reason;
}

}  // namespace

Archive::Archive(const std::string& path) {
  int code = 0;
  zip_.reset(zip_open(path.c_str(), ZIP_RDONLY, &code), zip_discard);
  if (!zip_) throw Error("'" + path + "' is not a zip archive: " + reason_of_open(code));
  std::error_code ignored;
  file_bytes_ = static_cast<int64_t>(std::filesystem::file_size(path, ignored));
  list_entries();
}

Archive::Archive(Tensor bytes) : memory_(std::move(bytes)), file_bytes_(memory_.numel()) {
  zip_error_t error;
  zip_error_init(&error);
  auto* source = zip_source_buffer_create(memory_.data_ptr(), memory_.numel(), 0, &error);
  if (source) zip_.reset(zip_open_from_source(source, ZIP_RDONLY, &error), zip_discard);
  if (source && !zip_) zip_source_free(source);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (!zip_) throw Error("it contains a damaged archive: " + reason);
  list_entries();
}

void Archive::list_entries() {
  const int64_t inflation = memory_.defined() ? kMostInnerInflation : kMostInflation;
  auto remaining_bytes = static_cast<zip_uint64_t>(inflation * file_bytes_);
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(zip_.get(), 0));
  for (zip_uint64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(zip_.get(), i, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_NAME)) continue;
    entries_.emplace(stat.name, i);
    if (!(stat.valid & ZIP_STAT_SIZE)) continue;
    if (stat.size > remaining_bytes)
      throw Error(c10::str("its entries claim more than ", inflation, " times the ", file_bytes_,
                           " bytes of the archive"));
    remaining_bytes -= stat.size;
  }
}

int64_t Archive::size_of(const std::string& name) const {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) throw Error("it has no entry '" + name + "'");
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(zip_.get(), entry->second, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE))
    throw Error("its entry '" + name + "' is damaged");
  const bool is_stored = (stat.valid & ZIP_STAT_COMP_METHOD) && stat.comp_method == ZIP_CM_STORE;
  if (is_stored && stat.size > static_cast<zip_uint64_t>(file_bytes_))
    throw Error(c10::str("its entry '", name, "' claims ", stat.size, " bytes; the archive has ",
                         file_bytes_));
  return static_cast<int64_t>(stat.size);
}

// libzip compares the checksum when it reads the last byte.
void Archive::read(const std::string& name, void* to, int64_t bytes) const {
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen_index(zip_.get(), entries_.at(name), 0), zip_fclose);
  char beyond = 0;
  const auto most = static_cast<zip_uint64_t>(bytes);
  if (!file || zip_fread(file.get(), to, most) != bytes || zip_fread(file.get(), &beyond, 1) != 0)
    throw Error("its entry '" + name + "' is damaged");
}

std::string Archive::text(const std::string& name) const {
  const int64_t bytes = size_of(name);
  if (bytes > kMostTextBytes)
    throw Error(c10::str("its entry '", name, "' has ", bytes, " bytes; at most ", kMostTextBytes,
                         " are read"));
  std::string text(bytes, '\0');
  read(name, text.data(), static_cast<int64_t>(text.size()));
  return text;
}

Tensor Archive::bytes(const std::string& name) const {
  const Tensor bytes = at::empty({size_of(name)}, at::kByte);
  read(name, bytes.data_ptr(), bytes.numel());
  return bytes;
}

}  // namespace torchstreamer::exported
