// Files of the cache and their locks, which end with the process that holds them.
#pragma once

#include <gio/gio.h>

#include <string>

#include "process/element_error.h"

namespace torchstreamer {

/// The cache cannot be used.
class StoreError : public ElementError {
 public:
  using ElementError::ElementError;
};

/// Throws StoreError. `reason`: a clause, after a colon.
[[noreturn]] void throw_store_error(const std::string& reason, bool is_disk_full);
/// The same for a file and a value of errno.
[[noreturn]] void fail_file(const std::string& path, int reason);
/// Returns true if `reason`, a value of errno, means that the disk is full.
bool is_disk_full(int reason);

/// An open file and its locks, which end with the object.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Takes the lock `how` of flock() if no other process has it. Returns false if one has it.
bool lock_now(int fd, int how);
/// Takes a shared lock on a whole model. May wait, but only for a short time: a thread in
/// open_alone() may lock the part just after it was renamed to this file, and unlocks it at once.
void lock_shared(int fd);
/// Opens `path`, or creates it, with an exclusive lock. Throws StoreError or Cancelled.
Descriptor open_alone(const std::string& path, GCancellable* cancellable);

}  // namespace torchstreamer
