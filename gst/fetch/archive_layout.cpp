#include "fetch/archive_layout.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace torchstreamer {
namespace {

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

constexpr guint32 kLocalMagic = 0x04034b50, kDirectoryMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr guint32 kDescriptorMagic = 0x08074b50;
constexpr guint32 kWideEndMagic = 0x06064b50, kWideLocatorMagic = 0x07064b50;
constexpr guint32 kIsWide = 0xffffffff;  // the number is in a field of 64 bits
constexpr guint64 kEndBytes = 22, kWideLocatorBytes = 20, kLocalBytes = 30, kDirectoryBytes = 46;
constexpr guint16 kHasDescriptor = 1 << 3;

/// Reads little-endian numbers from a file. The file is not mapped into memory, because a read
/// would crash the process if another program truncated the file.
class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status;
    if (fd_ < 0) throw Fault("it cannot be opened");
    if (fstat(fd_, &status) == 0) bytes_ = static_cast<guint64>(status.st_size);
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  guint64 bytes() const { return bytes_; }
  guint64 number(guint64 at, int width) const {
    guint8 digits[8];
    if (at > bytes_ || pread(fd_, digits, width, static_cast<off_t>(at)) != width)
      throw Fault("its directory points outside the file");
    guint64 number = 0;
    for (int i = width - 1; i >= 0; --i) number = number << 8 | digits[i];
    return number;
  }
  guint16 u16(guint64 at) const { return static_cast<guint16>(number(at, 2)); }
  guint32 u32(guint64 at) const { return static_cast<guint32>(number(at, 4)); }
  guint64 u64(guint64 at) const { return number(at, 8); }

 private:
  int fd_;
  guint64 bytes_ = 0;
};

struct Entry {
  guint16 flags = 0;
  guint32 crc = 0;
  guint64 packed_bytes = 0, bytes = 0, at = 0;
};

/// Reads the directory record at `*at` and moves `*at` to its end.
Entry read_entry(const File& file, guint64* at) {
  const guint64 head = *at;
  if (file.u32(head) != kDirectoryMagic) throw Fault("its directory is damaged");
  Entry entry{file.u16(head + 8), file.u32(head + 16), file.u32(head + 20), file.u32(head + 24),
              file.u32(head + 42)};
  guint64 extra = head + kDirectoryBytes + file.u16(head + 28);
  const guint64 extra_end = extra + file.u16(head + 30);
  while (extra + 4 <= extra_end) {
    guint64 wide = extra + 4;
    if (file.u16(extra) == 1)
      for (guint64* number : {&entry.bytes, &entry.packed_bytes, &entry.at})
        if (*number == kIsWide) {
          *number = file.u64(wide);
          wide += 8;
        }
    extra += 4 + file.u16(extra + 2);
  }
  *at = extra_end + file.u16(head + 32);
  return entry;
}

/// Returns the size of the data descriptor at `at`, which must agree with the directory.
guint64 descriptor_bytes(const File& file, const Entry& entry, guint64 at) {
  if (file.u32(at) == kDescriptorMagic && file.u32(at + 4) == entry.crc)
    for (const int width : {4, 8})
      if (file.number(at + 8, width) == entry.packed_bytes &&
          file.number(at + 8 + width, width) == entry.bytes)
        return 8 + 2 * width;
  throw Fault("its directory and the data of an entry disagree");
}

/// Returns the position after the last byte of `entry`.
guint64 end_of(const File& file, const Entry& entry) {
  if (file.u32(entry.at) != kLocalMagic) throw Fault("its directory points to no entry");
  const guint64 data = entry.at + kLocalBytes + file.u16(entry.at + 26) + file.u16(entry.at + 28);
  if (entry.packed_bytes > file.bytes()) throw Fault("an entry is longer than the file");
  const guint64 end = data + entry.packed_bytes;
  return entry.flags & kHasDescriptor ? end + descriptor_bytes(file, entry, end) : end;
}

void check_ends(const File& file) {
  if (file.bytes() < 4 || file.u32(0) != kLocalMagic) throw Fault("it does not begin like one");
  if (file.bytes() < kEndBytes || file.u32(file.bytes() - kEndBytes) != kEndMagic)
    throw Fault("its end is missing, so it was truncated or something follows it");
}

struct Directory {
  guint64 begin, end;
};

Directory find_directory(const File& file) {
  const guint64 end = file.bytes() - kEndBytes;
  const guint64 begin = file.u32(end + 16);
  const bool is_wide = begin == kIsWide || (end >= kWideLocatorBytes &&
                                            file.u32(end - kWideLocatorBytes) == kWideLocatorMagic);
  if (!is_wide) return {begin, end};
  const guint64 wide_end = file.u64(end - kWideLocatorBytes + 8);
  if (file.u32(wide_end) != kWideEndMagic) throw Fault("its directory has no end");
  return {file.u64(wide_end + 48), wide_end};
}

void check_layout(const File& file) {
  check_ends(file);
  const Directory directory = find_directory(file);
  std::vector<Entry> entries;
  for (guint64 at = directory.begin; at < directory.end;) entries.push_back(read_entry(file, &at));
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.at < b.at; });
  guint64 at = 0;
  for (const Entry& entry : entries) {
    if (entry.at != at) throw Fault("its entries are not contiguous");
    at = end_of(file, entry);
  }
  if (at != directory.begin) throw Fault("its entries are not contiguous");
}

/// Returns the fault that `check` finds in the file at `path`; empty if there is none.
std::string fault_of(const std::string& path, void (*check)(const File&)) {
  try {
    check(File(path));
    return "";
  } catch (const Fault& fault) {
    return fault.what();
  }
}

}  // namespace

std::string ends_fault(const std::string& path) { return fault_of(path, check_ends); }

std::string layout_fault(const std::string& path) { return fault_of(path, check_layout); }

}  // namespace torchstreamer
