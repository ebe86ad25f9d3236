#include "loader/load_thread.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace torchstreamer {
namespace {

class LoadThreads {
 public:
  void run(const std::function<void()>& code) {
    Task task = {code, nullptr};
    std::unique_lock<std::mutex> lock(mutex_);
    provide_thread();
    tasks_.push_back(&task);
    woken_.notify_one();
    ended_.wait(lock, [&] { return task.is_done; });
    if (task.error) std::rethrow_exception(task.error);
  }

 private:
  struct Task {
    const std::function<void()>& code;
    std::exception_ptr error;
    bool is_done = false;
  };

  /// Called under the mutex.
  void provide_thread() {
    if (static_cast<int>(tasks_.size()) < idle_ || threads_ == kMaxLoadThreads) return;
    try {
      std::thread([this] { work(); }).detach();
      ++threads_;
      ++idle_;
    } catch (const std::system_error&) {
      if (threads_ == 0) throw;
    }
  }

  [[noreturn]] void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      woken_.wait(lock, [&] { return !tasks_.empty(); });
      Task& task = *tasks_.front();
      tasks_.pop_front();
      --idle_;
      lock.unlock();
      try {
        task.code();
      } catch (...) {
        task.error = std::current_exception();
      }
      lock.lock();
      ++idle_;
      task.is_done = true;
      ended_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable woken_, ended_;
  std::deque<Task*> tasks_;
  int threads_ = 0, idle_ = 0;  // idle: without a task
};

}  // namespace

void run_in_load_thread(const std::function<void()>& code) {
  static auto* const threads = new LoadThreads;  // never destroyed, because its threads do not end
  threads->run(code);
}

}  // namespace torchstreamer
