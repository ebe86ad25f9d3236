// Threads in libtorch while the process exits.
#pragma once

#include <condition_variable>
#include <mutex>

namespace torchstreamer {

/// What libtorch made of static objects must outlive the threads that use it: exit() waits for
/// them.
class BusyThreads {
 public:
  /// Counts until the end of its scope. To be made where libtorch is mapped already. Throws
  /// Cancelled where the process exits.
  class Scope {
   public:
    Scope() { threads().enter(); }
    ~Scope() { threads().leave(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };

 private:
  BusyThreads();
  static BusyThreads& threads();
  void enter();
  void leave();
  void wait();

  std::mutex mutex_;
  std::condition_variable ended_;
  int count_ = 0;
  bool is_exiting_ = false;
};

}  // namespace torchstreamer
