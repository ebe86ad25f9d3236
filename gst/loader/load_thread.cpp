#include "loader/load_thread.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace torchstreamer {
namespace {

class LoadThread {
 public:
  LoadThread() {
    std::thread([this] { work(); }).detach();
  }

  void run(const std::function<void()>& code) {
    std::packaged_task<void()> task(code);
    std::future<void> result = task.get_future();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    woken_.notify_one();
    result.get();
  }

 private:
  [[noreturn]] void work() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      woken_.wait(lock, [&] { return !tasks_.empty(); });
      std::packaged_task<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<std::packaged_task<void()>> tasks_;
};

}  // namespace

void run_in_load_thread(const std::function<void()>& code) {
  static auto* const thread = new LoadThread;  // never destroyed, because its thread does not end
  thread->run(code);
}

}  // namespace torchstreamer
