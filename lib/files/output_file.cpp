#include "files/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace torchstreamer {

OutputFile::OutputFile(const std::string& path, mode_t mode)
    : path_(path),
      part_path_(path + "." + std::to_string(getpid()) + ".part"),
      descriptor_(open(part_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {
  if (descriptor_ < 0) fail(errno);
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(part_path_.c_str());
}

void OutputFile::write(const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t now = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (now < 0 && errno != EINTR) fail(errno);
    if (now > 0) done += static_cast<size_t>(now);
  }
  bytes_ += bytes.size();
}

void OutputFile::commit() {
  if (fsync(descriptor_) != 0 || std::rename(part_path_.c_str(), path_.c_str()) != 0) fail(errno);
  close(descriptor_);
  descriptor_ = -1;
}

void OutputFile::fail(int reason) const {
  throw std::system_error(reason, std::generic_category(), "'" + path_ + "' cannot be written");
}

}  // namespace torchstreamer
