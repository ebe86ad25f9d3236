#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace torchstreamer {

/// An anonymous file in memory with these bytes.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t bytes) : file_(memfd_create("model", 0)) {
    if (write(file_, data, bytes) != static_cast<ssize_t>(bytes)) std::abort();
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace torchstreamer
