// Change to PAUSED of an element whose model is still loading.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <mutex>

namespace torchstreamer {

/// Makes the state change to PAUSED and the data threads of an element wait for its model:
///
///     start(true)   ASYNC_START message; the state change returns ASYNC; wait() blocks
///     end()         wait() returns; the state change continues, with an ASYNC_DONE message, or is
///                   aborted after a failure
///     stop()        wait() returns; the state change ends, because the element goes to READY
///
/// Thread-safe. end() takes the state lock of the element.
class AsyncStart {
 public:
  explicit AsyncStart(GstElement* element) : element_(element) {}
  AsyncStart(const AsyncStart&) = delete;
  AsyncStart& operator=(const AsyncStart&) = delete;

  /// Returns the result of the state change to PAUSED: ASYNC if `is_async`, otherwise SUCCESS.
  GstStateChangeReturn start(bool is_async);
  /// Ends an asynchronous start. Does nothing if `run` is not the number of the current run.
  void end(unsigned run, bool is_successful);
  /// Returns true if the state change was still pending; the caller must then call post_done().
  [[nodiscard]] bool stop();
  void post_done();

  /// Number of the current run, so that a load that ends late does not end the start of a later
  /// run.
  unsigned run() const;
  /// Returns true between start() and stop().
  bool is_started() const;
  /// Returns true between start(true) and end() or stop().
  bool is_pending() const;

  /// Blocks while the start is pending. Returns false if the element is flushed meanwhile.
  bool wait();
  void set_flushing(bool is_flushing);

 private:
  bool take_state_change(unsigned run);

  GstElement* const element_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  unsigned run_ = 0;  // number of calls of start() and stop()
  bool is_started_ = false;
  bool is_pending_ = false;         // data threads wait
  bool is_changing_state_ = false;  // the state change is pending
  bool is_flushing_ = false;
};

}  // namespace torchstreamer
