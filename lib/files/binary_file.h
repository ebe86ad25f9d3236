// Bytes and numbers of a file.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace torchstreamer {

/// A fault of a file. what() is a clause without a subject: "is truncated".
class FileFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Returns the clause for a file that was not written, copied or downloaded whole.
inline std::string damaged(const std::string& reason) {
  return "is damaged: " + reason + "; get it again";
}

/// A file that is read at any position. It is not mapped into memory: if a mapped file were
/// truncated meanwhile, reading it would end the process.
class BinaryFile {
 public:
  /// Throws FileFault if the file cannot be opened or is not a regular file.
  explicit BinaryFile(const std::string& path);
  ~BinaryFile();
  BinaryFile(const BinaryFile&) = delete;
  BinaryFile& operator=(const BinaryFile&) = delete;

  uint64_t bytes() const { return bytes_; }
  /// Returns up to `count` bytes from position `at`: fewer at the end of the file.
  std::string text(uint64_t at, uint64_t count) const;
  /// Little-endian numbers. Throw FileFault for a position outside the file.
  uint16_t u16(uint64_t at) const { return static_cast<uint16_t>(number(at, 2)); }
  uint32_t u32(uint64_t at) const { return static_cast<uint32_t>(number(at, 4)); }
  uint64_t u64(uint64_t at) const { return number(at, 8); }
  uint64_t number(uint64_t at, int width) const;

 private:
  int descriptor_;
  uint64_t bytes_ = 0;
};

}  // namespace torchstreamer
