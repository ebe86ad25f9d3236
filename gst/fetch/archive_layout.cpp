#include "fetch/archive_layout.h"

#include <algorithm>
#include <set>

#include "files/zip_directory.h"

namespace torchstreamer {
namespace {

constexpr uint32_t kDescriptorMagic = 0x08074b50;

[[noreturn]] void fail(const std::string& reason) { throw FileFault(damaged(reason)); }

/// Returns the size of the data descriptor at `at`, which must agree with the directory.
uint64_t descriptor_bytes(const BinaryFile& file, const ZipEntry& entry, uint64_t at) {
  if (file.u32(at) == kDescriptorMagic && file.u32(at + 4) == entry.crc)
    for (const int width : {4, 8})
      if (file.number(at + 8, width) == entry.packed_bytes &&
          file.number(at + 8 + width, width) == entry.bytes)
        return 8 + 2 * width;
  fail("its directory and the data of an entry disagree");
}

/// Returns the position after `entry`.
uint64_t end_of(const BinaryFile& file, const ZipEntry& entry) {
  if (entry.packed_bytes > file.bytes()) fail("an entry is longer than the file");
  const uint64_t end = data_position(file, entry) + entry.packed_bytes;
  const bool has_descriptor = entry.flags & ZipEntry::kHasDescriptor;
  return has_descriptor ? end + descriptor_bytes(file, entry, end) : end;
}

void check_layout(const BinaryFile& file) {
  ZipDirectory directory = read_zip_directory(file);
  std::sort(directory.entries.begin(), directory.entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.at < b.at; });
  uint64_t at = 0;
  std::set<std::string> names;
  for (const ZipEntry& entry : directory.entries) {
    if (entry.at != at) fail("its entries are not contiguous");
    if (!names.insert(entry.name).second) fail("its directory has an entry twice");
    at = end_of(file, entry);
  }
  if (at != directory.begin) fail("its entries are not contiguous");
}

}  // namespace

std::string layout_fault(const std::string& path) {
  try {
    const BinaryFile file(path);
    if (!has_zip_end(file)) fail("data follows its end");
    check_layout(file);
    return "";
  } catch (const FileFault& fault) {
    return fault.what();
  }
}

}  // namespace torchstreamer
