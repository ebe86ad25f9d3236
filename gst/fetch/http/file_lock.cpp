#include "fetch/http/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "process/cancellable.h"

namespace torchstreamer {
namespace {

constexpr guint kPollMs = 20;

/// Returns true if `path` still names the open file `fd`.
bool is_at(int fd, const std::string& path) {
  struct stat opened, named;
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

bool is_disk_full(int reason) { return reason == ENOSPC || reason == EDQUOT; }

void throw_store_error(const std::string& reason, bool is_disk_full) {
  const GstResourceError code =
      is_disk_full ? GST_RESOURCE_ERROR_NO_SPACE_LEFT : GST_RESOURCE_ERROR_OPEN_READ_WRITE;
  throw StoreError(code, "The cache of models cannot be used: " + reason +
                             ". Set XDG_CACHE_HOME to a folder that can be written.");
}

void fail_file(const std::string& path, int reason) {
  throw_store_error(path + ": " + g_strerror(reason), is_disk_full(reason));
}

bool lock_now(int fd, int how) {
  while (flock(fd, how | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) fail_file("its locks", errno);
  }
  return true;
}

void lock_shared(int fd) {
  while (flock(fd, LOCK_SH) != 0)
    if (errno != EINTR) fail_file("its locks", errno);
}

// The holder of the lock may rename or remove the file, so the name is compared after locking.
Descriptor open_alone(const std::string& path, GCancellable* cancellable) {
  for (;;) {
    {
      Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
      if (!file) fail_file(path, errno);
      if (lock_now(file.get(), LOCK_EX) && is_at(file.get(), path)) return file;
    }  // unlocks a renamed file before the wait, see lock_shared()
    wait_ms(cancellable, kPollMs);
  }
}

}  // namespace torchstreamer
