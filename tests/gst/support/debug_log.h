// Captures the log of GStreamer during its lifetime instead of printing it.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <string>

namespace torchstreamer::test {

class DebugLog {
 public:
  /// `threshold` as in GST_DEBUG.
  explicit DebugLog(const char* threshold) {
    (gst_debug_remove_log_function)(gst_debug_log_default);
    (gst_debug_add_log_function)(add, this, nullptr);
    gst_debug_set_threshold_from_string(threshold, TRUE);
  }
  ~DebugLog() {
    gst_debug_set_threshold_from_string("", TRUE);
    gst_debug_remove_log_function_by_data(this);
    (gst_debug_add_log_function)(gst_debug_log_default, nullptr, nullptr);
  }
  DebugLog(const DebugLog&) = delete;
  DebugLog& operator=(const DebugLog&) = delete;

  std::string text() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return text_;
  }

 private:
  static void add(GstDebugCategory*, GstDebugLevel, const gchar*, const gchar*, gint, GObject*,
                  GstDebugMessage* message, gpointer self) {
    const gchar* text = gst_debug_message_get(message);  // may itself log: not under the lock
    auto* log = static_cast<DebugLog*>(self);
    const std::lock_guard<std::mutex> lock(log->mutex_);
    log->text_ += text;
  }

  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace torchstreamer::test
