// Makes exit() wait for threads that use libtorch.
#pragma once

#include <condition_variable>
#include <mutex>

namespace torchstreamer {

/// exit() destroys the static objects of libtorch, which must not happen while a thread uses them.
class ExitBarrier {
 public:
  /// exit() blocks while a Hold exists. Create it after libtorch was mapped. The constructor throws
  /// Cancelled if exit() was already called.
  class Hold {
   public:
    Hold() { barrier().enter(); }
    ~Hold() { barrier().leave(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
  };

 private:
  ExitBarrier();
  static ExitBarrier& barrier();
  void enter();
  void leave();
  void wait();

  std::mutex mutex_;
  std::condition_variable ended_;
  int holds_ = 0;
  bool is_exiting_ = false;
};

}  // namespace torchstreamer
