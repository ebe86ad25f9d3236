#include "process/exit_barrier.h"

#include <unistd.h>

#include <cstdlib>

#include "process/cancellable.h"

namespace torchstreamer {
namespace {

thread_local int own_holds = 0;  // holds of this thread

// Limit of the memory that atexit() takes.
constexpr int kMaxRegistrations = 4096;
// Number of registrations up to which the end of every hold registers again: libraries create most
// of their objects during their first uses.
constexpr int kFirstRegistrations = 256;

}  // namespace

ExitBarrier::ExitBarrier() : process_(getpid()) { std::atexit(wait_in_handler); }

ExitBarrier& ExitBarrier::barrier() {
  static auto* barrier = new ExitBarrier;  // never destroyed, because threads may outlive main()
  return *barrier;
}

void ExitBarrier::wait_in_handler() { barrier().wait(); }

void ExitBarrier::register_at_exit() {
  if (barrier().registrations_++ < kMaxRegistrations) std::atexit(wait_in_handler);
}

// exit() destroys thread-local objects of its thread before it calls any handler.
void ExitBarrier::watch_main_thread() {
  struct Waiter {
    ~Waiter() { wait_in_handler(); }
  };
  if (gettid() != getpid()) return;
  static thread_local const Waiter waiter;
  (void)waiter;
}

void ExitBarrier::wait() {
  if (getpid() != process_) return;
  std::unique_lock<std::mutex> lock(mutex_);
  is_exiting_ = true;
  const std::list<std::function<void()>> cancels = cancels_;
  lock.unlock();
  for (const auto& cancel : cancels) cancel();
  lock.lock();
  ended_.wait(lock, [&] { return holds_ == own_holds; });
}

// Counts first, so that either this thread sees that the process exits, or wait() sees this hold.
void ExitBarrier::enter() {
  ++holds_;
  ++own_holds;
  if (!is_exiting_) return;
  leave();
  throw Cancelled();
}

void ExitBarrier::leave() {
  if (!is_exiting_ && registrations_ < kFirstRegistrations) register_at_exit();
  --own_holds;
  --holds_;
  if (!is_exiting_) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_.notify_all();
}

ExitBarrier::CancellableHold::CancellableHold(const std::function<void()>& cancel) {
  ExitBarrier& barrier = ExitBarrier::barrier();
  {
    const std::lock_guard<std::mutex> lock(barrier.mutex_);
    cancel_ = barrier.cancels_.insert(barrier.cancels_.end(), cancel);
  }
  if (barrier.is_exiting_) cancel();
}

ExitBarrier::CancellableHold::~CancellableHold() {
  register_at_exit();
  const std::lock_guard<std::mutex> lock(barrier().mutex_);
  barrier().cancels_.erase(cancel_);
}

}  // namespace torchstreamer
