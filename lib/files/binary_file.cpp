#include "files/binary_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace torchstreamer {

BinaryFile::BinaryFile(const std::string& path)
    : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) throw FileFault(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status = {};
  const bool is_known = fstat(descriptor_, &status) == 0;
  if (is_known && S_ISREG(status.st_mode)) {
    bytes_ = static_cast<uint64_t>(status.st_size);
    return;
  }
  close(descriptor_);
  throw FileFault(S_ISDIR(status.st_mode) ? "is a folder; give the path of the model file in it"
                                          : "is not a regular file");
}

BinaryFile::~BinaryFile() { close(descriptor_); }

std::string BinaryFile::text(uint64_t at, uint64_t count) const {
  if (at >= bytes_) return "";
  std::string text(std::min(count, bytes_ - at), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t now =
        pread(descriptor_, &text[done], text.size() - done, static_cast<off_t>(at + done));
    if (now <= 0) break;
    done += static_cast<size_t>(now);
  }
  text.resize(done);
  return text;
}

uint64_t BinaryFile::number(uint64_t at, int width) const {
  const std::string digits = text(at, static_cast<uint64_t>(width));
  if (digits.size() != static_cast<size_t>(width))
    throw FileFault(damaged("its directory points outside the file"));
  uint64_t number = 0;
  for (int i = width - 1; i >= 0; --i) number = number << 8 | static_cast<uint8_t>(digits[i]);
  return number;
}

}  // namespace torchstreamer
