// A timeout of the input.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace torchstreamer {

/// Calls a function in a thread of its own if restart() is not called for some time.
class FlushTimer {
 public:
  /// `on_timeout` calls take_timeout() of its argument, this timer, after it has locked out the
  /// thread that calls restart().
  /// Throws std::system_error if the thread cannot be created.
  FlushTimer(std::chrono::nanoseconds timeout, std::function<void(FlushTimer&)> on_timeout);
  /// Waits for the end of `on_timeout`.
  ~FlushTimer();
  FlushTimer(const FlushTimer&) = delete;
  FlushTimer& operator=(const FlushTimer&) = delete;

  void restart();
  /// Returns true once if the time has passed and restart() was not called meanwhile.
  bool take_timeout();

 private:
  using Clock = std::chrono::steady_clock;

  void work();

  const std::chrono::nanoseconds timeout_;
  const std::function<void(FlushTimer&)> on_timeout_;
  std::mutex mutex_;  // protects the following members
  std::condition_variable woken_;
  std::optional<Clock::time_point> end_;  // none: not running
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace torchstreamer
