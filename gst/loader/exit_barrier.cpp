#include "loader/exit_barrier.h"

#include <cstdlib>

#include "base/cancellable.h"

namespace torchstreamer {

// exit() calls handlers in reverse order. This handler is registered after libtorch was mapped, so
// it runs before the static objects of libtorch are destroyed.
ExitBarrier::ExitBarrier() {
  std::atexit([] { barrier().wait(); });
}

ExitBarrier& ExitBarrier::barrier() {
  static auto* barrier = new ExitBarrier;  // never destroyed, because threads may outlive main()
  return *barrier;
}

void ExitBarrier::enter() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_exiting_) throw Cancelled();
  ++holds_;
}

void ExitBarrier::leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --holds_;
  ended_.notify_all();
}

void ExitBarrier::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  is_exiting_ = true;
  ended_.wait(lock, [&] { return holds_ == 0; });
}

}  // namespace torchstreamer
