#include "files/zip_directory.h"

#include <algorithm>

#include "files/zip_format.h"

namespace torchstreamer {
namespace {

using namespace zip;

[[noreturn]] void fail(const std::string& reason) { throw FileFault(damaged(reason)); }

// Returns the position of the end record, which a comment may follow.
uint64_t end_record(const BinaryFile& file) {
  const uint64_t tail_bytes = std::min(file.bytes(), kEndBytes + kMaxCommentBytes);
  const std::string tail = file.text(file.bytes() - tail_bytes, tail_bytes);
  const size_t found = tail.rfind("PK\5\6");
  if (found == std::string::npos || found + kEndBytes > tail.size())
    throw FileFault("is truncated: it is a zip archive without its end; get it again");
  return file.bytes() - tail_bytes + found;
}

struct Range {
  uint64_t begin, end;
};

Range find_directory(const BinaryFile& file) {
  const uint64_t end = end_record(file);
  const uint64_t begin = file.u32(end + 16);
  const bool is_wide = begin == kIsWide || (end >= kWideLocatorBytes &&
                                            file.u32(end - kWideLocatorBytes) == kWideLocatorMagic);
  if (!is_wide) return {begin, end};
  const uint64_t wide_end = file.u64(end - kWideLocatorBytes + 8);
  if (file.u32(wide_end) != kWideEndMagic) fail("its directory has no end");
  return {file.u64(wide_end + 48), wide_end};
}

// Reads the directory record at `*at` and moves `*at` to its end.
ZipEntry read_entry(const BinaryFile& file, uint64_t* at) {
  const uint64_t head = *at;
  if (file.u32(head) != kDirectoryMagic) fail("its directory has wrong records");
  ZipEntry entry;
  entry.flags = file.u16(head + 8);
  entry.method = file.u16(head + 10);
  entry.crc = file.u32(head + 16);
  entry.packed_bytes = file.u32(head + 20);
  entry.bytes = file.u32(head + 24);
  entry.at_field = 42;
  entry.at = file.u32(head + entry.at_field);
  entry.name = file.text(head + kDirectoryBytes, file.u16(head + 28));
  uint64_t extra = head + kDirectoryBytes + file.u16(head + 28);
  const uint64_t extra_end = extra + file.u16(head + 30);
  while (extra + 4 <= extra_end) {
    uint64_t wide = extra + 4;
    if (file.u16(extra) == kWideField)
      for (uint64_t* number : {&entry.bytes, &entry.packed_bytes, &entry.at})
        if (*number == kIsWide) {
          if (number == &entry.at) {
            entry.at_field = wide - head;
            entry.at_field_bytes = 8;
          }
          *number = file.u64(wide);
          wide += 8;
        }
    extra += 4 + file.u16(extra + 2);
  }
  *at = extra_end + file.u16(head + 32);
  entry.record_at = head;
  entry.record_bytes = *at - head;
  return entry;
}

}  // namespace

bool is_zip(const BinaryFile& file) { return file.bytes() >= 4 && file.u32(0) == kLocalMagic; }

bool has_zip_end(const BinaryFile& file) {
  return file.bytes() >= kEndBytes && file.u32(file.bytes() - kEndBytes) == kEndMagic;
}

ZipDirectory read_zip_directory(const BinaryFile& file) {
  const auto [begin, end] = find_directory(file);
  ZipDirectory directory = {begin, {}};
  for (uint64_t at = begin; at < end;) directory.entries.push_back(read_entry(file, &at));
  return directory;
}

uint64_t data_position(const BinaryFile& file, const ZipEntry& entry) {
  if (file.u32(entry.at) != kLocalMagic) fail("its directory points to no entry");
  return entry.at + kLocalBytes + file.u16(entry.at + 26) + file.u16(entry.at + 28);
}

}  // namespace torchstreamer
