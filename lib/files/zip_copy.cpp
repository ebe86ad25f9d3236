#include "files/zip_copy.h"

#include <algorithm>

#include "files/zip_format.h"

namespace torchstreamer {
namespace {

using namespace zip;

constexpr uint64_t kAlignmentBytes = 64;  // of tensors in archives of torch
constexpr uint64_t kBlockBytes = 1 << 20;
constexpr uint16_t kVersion = 45;  // of the format: the first one with fields of 64 bits
constexpr uint16_t kNamesAreUtf8 = 1 << 11;
constexpr uint16_t kFirstDay = 1 << 5 | 1;  // 1 January 1980

std::string number(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xff);
  return text;
}

// Limits a number to a field of `bytes` bytes; all bits set: the number is in a wide field.
std::string limited(uint64_t value, int bytes) {
  return number(std::min(value, (uint64_t{1} << 8 * bytes) - 1), bytes);
}

// Returns an extra field of `bytes` bytes without a meaning, as libtorch writes it. The smallest
// one has 4 bytes.
std::string padding(uint64_t bytes) {
  if (bytes == 0) return "";
  if (bytes < 4) bytes += kAlignmentBytes;
  return "FB" + number(bytes - 4, 2) + std::string(bytes - 4, 'Z');
}

/// Writes an archive.
class ZipCopy {
 public:
  ZipCopy(const BinaryFile& file, OutputFile& out) : file_(file), out_(out) {}

  /// Copies an entry of the file, whose data and descriptor end at `end`.
  void copy(const ZipEntry& entry, uint64_t end) {
    const uint64_t data = data_position(file_, entry);
    if (data > end) throw FileFault(damaged("its entries overlap"));
    std::string header = file_.text(entry.at, data - entry.at);
    const std::string added = padding_before(header.size(), data);
    const uint64_t extra_bytes = file_.u16(entry.at + 28) + added.size();
    if (extra_bytes > 0xffff) throw FileFault(damaged("an entry has too many fields"));
    header.replace(28, 2, number(extra_bytes, 2));
    add_record(moved_record(entry));
    out_.write(header + added);
    for (uint64_t at = data; at < end; at += kBlockBytes) {
      const uint64_t bytes = std::min(kBlockBytes, end - at);
      const std::string block = file_.text(at, bytes);
      if (block.size() != bytes) throw FileFault("was truncated while it was read");
      out_.write(block);
    }
  }

  void add(const std::string& name, const std::string& content) {
    const std::string fields = number(kVersion, 2) + number(kNamesAreUtf8, 2) +
                               number(ZipEntry::kStored, 2) + number(0, 2) + number(kFirstDay, 2) +
                               number(zip_checksum(content), 4) + number(content.size(), 4) +
                               number(content.size(), 4) + number(name.size(), 2);
    const uint64_t at = out_.bytes();
    const std::string wide =
        at < kIsWide ? "" : number(kWideField, 2) + number(8, 2) + number(at, 8);
    add_record(number(kDirectoryMagic, 4) + number(kVersion, 2) + fields + number(wide.size(), 2) +
               std::string(2 + 2 + 2 + 4, '\0') + limited(at, 4) + name + wide);
    const std::string added = padding_before(kLocalBytes + name.size(), 0);
    out_.write(number(kLocalMagic, 4) + fields + number(added.size(), 2) + name + added + content);
  }

  /// Writes the directory, and end records for any size, as libtorch does.
  void finish() {
    const uint64_t begin = out_.bytes(), bytes = records_.size(), wide_end = begin + bytes;
    out_.write(records_);
    out_.write(number(kWideEndMagic, 4) + number(kWideEndBytes - 12, 8) + number(kVersion, 2) +
               number(kVersion, 2) + number(0, 4 + 4) + number(count_, 8) + number(count_, 8) +
               number(bytes, 8) + number(begin, 8));
    out_.write(number(kWideLocatorMagic, 4) + number(0, 4) + number(wide_end, 8) + number(1, 4));
    out_.write(number(kEndMagic, 4) + number(0, 2 + 2) + limited(count_, 2) + limited(count_, 2) +
               limited(bytes, 4) + limited(begin, 4) + number(0, 2));
  }

 private:
  // Returns the extra field that moves the data after a header to a position that equals `position`
  // modulo 64.
  std::string padding_before(uint64_t header_bytes, uint64_t position) const {
    return padding((position - out_.bytes() - header_bytes) % kAlignmentBytes);
  }

  // Returns the record of an entry that is written next.
  std::string moved_record(const ZipEntry& entry) const {
    std::string record = file_.text(entry.record_at, entry.record_bytes);
    if (record.size() < entry.at_field + entry.at_field_bytes)
      throw FileFault(damaged("its directory has wrong records"));
    record.replace(entry.at_field, entry.at_field_bytes,
                   number(out_.bytes(), static_cast<int>(entry.at_field_bytes)));
    return record;
  }

  void add_record(const std::string& record) {
    records_ += record;
    ++count_;
  }

  const BinaryFile& file_;
  OutputFile& out_;
  std::string records_;
  uint64_t count_ = 0;
};

}  // namespace

uint32_t zip_checksum(const std::string& bytes) {
  uint32_t remainder = ~uint32_t{0};
  for (const char byte : bytes) {
    remainder ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ (remainder & 1 ? 0xedb88320 : 0);
  }
  return ~remainder;
}

void copy_zip_with(const BinaryFile& file, const std::string& name, const std::string& content,
                   OutputFile& out) {
  ZipDirectory directory = read_zip_directory(file);
  std::sort(directory.entries.begin(), directory.entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.at < b.at; });
  ZipCopy copy(file, out);
  for (size_t i = 0; i < directory.entries.size(); ++i) {
    const bool is_last = i + 1 == directory.entries.size();
    const uint64_t end = is_last ? directory.begin : directory.entries[i + 1].at;
    if (directory.entries[i].name != name) copy.copy(directory.entries[i], end);
  }
  copy.add(name, content);
  copy.finish();
}

}  // namespace torchstreamer
