// The pushes of a group, collected from their threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "torchstreamer/group.h"

namespace torchstreamer {

/// Collects pushes and runs them together:
///
///     (1) A push is appended to the queue. If a run is free and no push leads,
///         the first push of the queue becomes the leader of the run.
///     (2) The leader waits for others: until GroupOptions::wait_ns after its arrival,
///         or until its share of the engines that are not in a run is waiting.
///     (3) It takes the pushes from the queue and runs them without the lock.
///         Meanwhile, a different push may lead a different run.
///     (4) It wakes the threads of the pushes.
///
/// The lock is held only to change the queue.
class EngineGroup : public Group {
 public:
  explicit EngineGroup(const GroupOptions& options);

  Counts counts() const override;
  /// GroupOptions::wait_ns, at most an hour.
  int64_t wait_ns() const { return options_.wait_ns; }

  /// The push of an engine. Each engine has one, so that pushes do not allocate.
  class Ticket {
   public:
    explicit Ticket(EngineGroup& group) : group_(group) {}
    ~Ticket() { leave(); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    /// Counts the engine among those that others wait for. Called by its first push.
    void enter();
    /// The opposite, at the end of a signal.
    void leave();

   private:
    friend class EngineGroup;
    EngineGroup& group_;
    const void* kind_ = nullptr;
    Ticket* next_ = nullptr;
    std::chrono::steady_clock::time_point arrival_;
    bool is_counted_ = false, is_done_ = false;
    std::condition_variable woken_;
  };

  /// Maximum number of pushes in a run.
  static constexpr int kMostTogether = 32;

  /// Processes pushes of one kind.
  using Run = void (*)(const void* kind, Ticket* const* tickets, int count) noexcept;

  /// Runs the push, together with other pushes of the same kind. Returns when it is complete.
  void push(Ticket& own, const void* kind, Run run);

 private:
  using Lock = std::unique_lock<std::mutex>;

  void count(Ticket& ticket);
  void enqueue(Ticket& own);
  int take(Ticket** taken);
  void appoint_leader();
  void wait_for_others(Lock& lock, Ticket& leader);
  bool is_share_waiting() const;
  int share() const;

  const GroupOptions options_;
  mutable std::mutex mutex_;
  // The queue.
  Ticket* first_ = nullptr;
  Ticket* last_ = nullptr;
  Ticket* leader_ = nullptr;  // it waits for others
  int engines_ = 0, waiting_ = 0, running_ = 0;
  int free_runs_;
  Counts counts_;
};

}  // namespace torchstreamer
