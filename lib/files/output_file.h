// Files that are written whole or not at all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace torchstreamer {

/// A file that is written under a temporary name in the same folder and renamed to its path when it
/// is complete. Errors are std::system_error with the path.
class OutputFile {
 public:
  /// `mode`: permissions of a new file, without the bits of the umask.
  OutputFile(const std::string& path, mode_t mode);
  /// Removes the file unless it was committed.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const std::string& bytes);
  /// Number of bytes written so far.
  uint64_t bytes() const { return bytes_; }
  /// Renames the file to its path. Replaces an existing file.
  void commit();

 private:
  [[noreturn]] void fail(int reason) const;

  std::string path_, part_path_;
  int descriptor_;
  uint64_t bytes_ = 0;
};

}  // namespace torchstreamer
