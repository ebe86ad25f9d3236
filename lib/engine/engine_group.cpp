#include "engine/engine_group.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace torchstreamer {
namespace {

// Longer times could overflow when they are added to the clock.
constexpr int64_t kLongestWaitNs = int64_t{3600} * 1'000'000'000;

GroupOptions resolved(GroupOptions options) {
  options.wait_ns = std::clamp<int64_t>(options.wait_ns, 0, kLongestWaitNs);
  if (options.runs <= 0)
    options.runs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return options;
}

}  // namespace

EngineGroup::EngineGroup(const GroupOptions& options)
    : options_(resolved(options)), free_runs_(options_.runs) {}

void EngineGroup::Ticket::enter() {
  const Lock lock(group_.mutex_);
  group_.count(*this);
}

void EngineGroup::Ticket::leave() {
  if (!is_counted_) return;
  const Lock lock(group_.mutex_);
  is_counted_ = false;
  --group_.engines_;
  if (group_.leader_) group_.leader_->woken_.notify_one();
}

EngineGroup::Counts EngineGroup::counts() const {
  const Lock lock(mutex_);
  return counts_;
}

void EngineGroup::push(Ticket& own, const void* kind, Run run) {
  if (options_.wait_ns > 0) own.arrival_ = std::chrono::steady_clock::now();
  Lock lock(mutex_);
  count(own);
  own.kind_ = kind;
  own.is_done_ = false;
  enqueue(own);
  appoint_leader();
  own.woken_.wait(lock, [&] { return own.is_done_ || leader_ == &own; });
  if (own.is_done_) return;
  wait_for_others(lock, own);
  Ticket* taken[kMostTogether];
  const int count = take(taken);
  leader_ = nullptr;
  appoint_leader();
  lock.unlock();
  run(kind, taken, count);
  lock.lock();
  for (int t = 0; t < count; ++t) {
    taken[t]->is_done_ = true;
    if (taken[t] != &own) taken[t]->woken_.notify_one();
  }
  running_ -= count;
  ++free_runs_;
  counts_.pushes += count;
  ++counts_.runs;
  appoint_leader();
}

void EngineGroup::count(Ticket& ticket) {
  if (std::exchange(ticket.is_counted_, true)) return;
  ++engines_;
}

// (1)
void EngineGroup::enqueue(Ticket& own) {
  own.next_ = nullptr;
  (last_ ? last_->next_ : first_) = &own;
  last_ = &own;
  ++waiting_;
  if (leader_ && is_share_waiting()) leader_->woken_.notify_one();
}

void EngineGroup::appoint_leader() {
  if (leader_ || !first_ || free_runs_ == 0) return;
  leader_ = first_;
  --free_runs_;
  leader_->woken_.notify_one();
}

// (2)
void EngineGroup::wait_for_others(Lock& lock, Ticket& leader) {
  if (options_.wait_ns == 0) return;
  leader.woken_.wait_until(lock, leader.arrival_ + std::chrono::nanoseconds(options_.wait_ns),
                           [&] { return is_share_waiting(); });
}

bool EngineGroup::is_share_waiting() const {
  return waiting_ >= std::min(share(), engines_ - running_);
}

int EngineGroup::share() const {
  return std::min(kMostTogether, (engines_ + options_.runs - 1) / options_.runs);
}

// (3) Takes the first pushes of the kind of the leader, which is the first of all.
int EngineGroup::take(Ticket** taken) {
  const void* const kind = first_->kind_;
  Ticket *other = nullptr, **link = &first_;
  int count = 0;
  while (*link && count < share()) {
    Ticket* const ticket = *link;
    if (ticket->kind_ == kind) {
      taken[count++] = ticket;
      *link = ticket->next_;
    } else {
      other = ticket;
      link = &ticket->next_;
    }
  }
  if (!*link) last_ = other;
  waiting_ -= count;
  running_ += count;
  return count;
}

}  // namespace torchstreamer
