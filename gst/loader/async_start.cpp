#include "loader/async_start.h"

#include <utility>

namespace torchstreamer {

GstStateChangeReturn AsyncStart::start(bool is_async) {
  if (is_async)
    gst_element_post_message(element_, gst_message_new_async_start(GST_OBJECT(element_)));
  const std::lock_guard<std::mutex> lock(mutex_);
  ++run_;
  is_started_ = true;
  is_flushing_ = false;
  is_pending_ = is_changing_state_ = is_async;
  return is_async ? GST_STATE_CHANGE_ASYNC : GST_STATE_CHANGE_SUCCESS;
}

void AsyncStart::end(unsigned run, bool is_successful) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (run != run_) return;
    is_pending_ = false;
    woken_.notify_all();
    if (!is_changing_state_) return;
  }
  GST_STATE_LOCK(element_);
  const bool is_changing_state = take_state_change(run);
  if (is_changing_state && is_successful)
    gst_element_continue_state(element_, GST_STATE_CHANGE_SUCCESS);
  else if (is_changing_state)
    gst_element_abort_state(element_);
  GST_STATE_UNLOCK(element_);
  if (is_changing_state && is_successful) post_done();
}

/// Returns true if the state change of `run` is still pending. Returns true to one caller only.
bool AsyncStart::take_state_change(unsigned run) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return run == run_ && std::exchange(is_changing_state_, false);
}

bool AsyncStart::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++run_;
  is_started_ = is_pending_ = false;
  woken_.notify_all();
  return std::exchange(is_changing_state_, false);
}

void AsyncStart::post_done() {
  gst_element_post_message(element_,
                           gst_message_new_async_done(GST_OBJECT(element_), GST_CLOCK_TIME_NONE));
}

unsigned AsyncStart::run() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return run_;
}

bool AsyncStart::is_started() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_started_;
}

bool AsyncStart::is_pending() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_pending_;
}

bool AsyncStart::wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  woken_.wait(lock, [&] { return !is_pending_ || is_flushing_; });
  return !is_pending_;
}

void AsyncStart::set_flushing(bool is_flushing) {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_flushing_ = is_flushing;
  woken_.notify_all();
}

}  // namespace torchstreamer
