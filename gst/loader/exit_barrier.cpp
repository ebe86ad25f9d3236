#include "loader/exit_barrier.h"

#include <cstdlib>

#include "base/cancellable.h"

namespace torchstreamer {

// Made after libtorch was mapped, so its handler is called before those objects are destroyed.
BusyThreads::BusyThreads() {
  std::atexit([] { threads().wait(); });
}

BusyThreads& BusyThreads::threads() {
  static auto* threads = new BusyThreads;  // outlives them all
  return *threads;
}

void BusyThreads::enter() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_exiting_) throw Cancelled();
  ++count_;
}

void BusyThreads::leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --count_;
  ended_.notify_all();
}

void BusyThreads::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  is_exiting_ = true;
  ended_.wait(lock, [&] { return count_ == 0; });
}

}  // namespace torchstreamer
