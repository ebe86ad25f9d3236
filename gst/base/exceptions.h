// The boundary between C++ and GObject: no exception crosses it.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// Holds the object lock of a GstObject.
class ObjectLock {
 public:
  explicit ObjectLock(gpointer object) : object_(object) { GST_OBJECT_LOCK(object_); }
  ~ObjectLock() { GST_OBJECT_UNLOCK(object_); }
  ObjectLock(const ObjectLock&) = delete;
  ObjectLock& operator=(const ObjectLock&) = delete;

 private:
  gpointer object_;
};

/// Operation in which an exception was thrown. Selects the error domain and the type of the
/// message.
enum class ErrorContext {
  kSettings,     ///< creating a stream from properties and caps
  kNewSettings,  ///< the same while a stream runs; the old stream continues, so this is a warning
  kLoading,      ///< loading a model
  kNewModel,     ///< the same while a model runs; the old model continues, so this is a warning
  kStreaming,    ///< running a stream
  kSignalEnd     ///< ending a signal; the next signal can be processed, so this is a warning
};

/// Posts the exception being handled as an error or warning message of `element`. The first line of
/// what() is the text, the other lines are the debug details. Cancelled is only logged.
void post_current_exception(GstElement* element, ErrorContext context);

/// Logs the exception being handled.
void log_current_exception(GstElement* element);

/// Runs `code`. If it throws, posts a message and returns false. Must not be called under the
/// object lock, because posting takes that lock.
template <class Code>
bool run_guarded(GstElement* element, ErrorContext context, Code&& code) {
  try {
    code();
    return true;
  } catch (...) {
    post_current_exception(element, context);
    return false;
  }
}

/// Runs `code`. If it throws, logs the exception and returns false. For queries: a failure is a
/// negative answer, not an error.
template <class Code>
bool run_quietly(GstElement* element, Code&& code) {
  try {
    code();
    return true;
  } catch (...) {
    log_current_exception(element);
    return false;
  }
}

}  // namespace torchstreamer
