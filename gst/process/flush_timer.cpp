#include "process/flush_timer.h"

#include <utility>

namespace torchstreamer {

FlushTimer::FlushTimer(std::chrono::nanoseconds timeout,
                       std::function<void(FlushTimer&)> on_timeout)
    : timeout_(timeout), on_timeout_(std::move(on_timeout)), thread_([this] { work(); }) {}

FlushTimer::~FlushTimer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
    woken_.notify_all();
  }
  thread_.join();
}

void FlushTimer::restart() {
  const std::lock_guard<std::mutex> lock(mutex_);
  // While an earlier end is set, the thread waits for that one, and reads the new end afterwards.
  if (!end_) woken_.notify_all();
  end_ = Clock::now() + timeout_;
}

bool FlushTimer::take_timeout() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!end_ || Clock::now() < *end_) return false;
  end_.reset();
  return true;
}

void FlushTimer::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!is_stopping_) {
    if (!end_) {
      woken_.wait(lock);
    } else if (Clock::now() < *end_) {
      woken_.wait_until(lock, Clock::time_point(*end_));
    } else {
      lock.unlock();
      on_timeout_(*this);
      lock.lock();
    }
  }
}

}  // namespace torchstreamer
