// Makes exit() wait for threads that use libraries.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>

namespace torchstreamer {

/// exit() destroys the static objects of libtorch, libsoup and other libraries, which must not
/// happen while a thread uses them: while it fetches or loads a model, or runs an engine. Such a
/// thread holds the barrier. exit() first cancels fetches, then waits until no other thread holds
/// the barrier. From then on no thread can hold it.
class ExitBarrier {
 public:
  /// exit() blocks while a Hold of another thread exists. The constructor throws Cancelled if
  /// exit() was already called. Takes no lock.
  class Hold {
   public:
    Hold() { barrier().enter(); }
    ~Hold() { barrier().leave(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
  };

  /// A Hold during which exit() also calls `cancel`, possibly before the constructor returns.
  class CancellableHold {
   public:
    explicit CancellableHold(const std::function<void()>& cancel);
    ~CancellableHold();
    CancellableHold(const CancellableHold&) = delete;
    CancellableHold& operator=(const CancellableHold&) = delete;

   private:
    const Hold hold_;
    std::list<std::function<void()>>::iterator cancel_;
  };

  /// exit() destroys first what was created last. Called after a library was mapped, and after the
  /// first uses of libraries, which then create more objects. Does nothing after 4096 calls.
  /// Objects that the current use of a library creates are protected only against exit() in the
  /// main thread.
  static void register_at_exit();
  /// Makes exit() in the main thread wait before it destroys any object, even one that was
  /// registered after register_at_exit(). Does nothing in other threads. The main thread must not
  /// end by pthread_exit().
  static void watch_main_thread();

 private:
  ExitBarrier();
  static ExitBarrier& barrier();
  static void wait_in_handler();
  void enter();
  void leave();
  void wait();

  const pid_t process_;  // a process that was forked does not wait for threads of its parent
  std::atomic<int> holds_ = 0;
  std::atomic<bool> is_exiting_ = false;
  std::atomic<int> registrations_ = 0;  // number of calls of register_at_exit()
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<std::function<void()>> cancels_;  // under the mutex
};

}  // namespace torchstreamer
