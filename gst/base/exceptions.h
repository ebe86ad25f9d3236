// Where C++ meets GObject: nothing throws across a C boundary.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// Holds the object lock, whatever is thrown meanwhile.
class ObjectLock {
 public:
  explicit ObjectLock(gpointer object) : object_(object) { GST_OBJECT_LOCK(object_); }
  ~ObjectLock() { GST_OBJECT_UNLOCK(object_); }
  ObjectLock(const ObjectLock&) = delete;
  ObjectLock& operator=(const ObjectLock&) = delete;

 private:
  gpointer object_;
};

/// What code under the guard is about; it decides the domain of the element error.
enum class Task {
  kSettings,     ///< making a stream from properties and caps
  kNewSettings,  ///< the same while another one runs and may go on: only a warning
  kLoading,      ///< loading a model
  kNewModel,     ///< the same while another one runs and goes on: only a warning
  kStreaming,    ///< running a stream
  kShortSignal   ///< ending one that nothing came of yet: only a warning
};

/// Posts the exception being handled as an element error of `element`. Its text is the first line
/// of what(), the rest is for who debugs.
void post_current_exception(GstElement* element, Task task);

/// Logs the exception being handled.
void log_current_exception(GstElement* element);

/// Runs `code`. Where it throws, posts an element error and returns false. Must not be called under
/// the object lock: posting takes it.
template <class Code>
bool guard(GstElement* element, Task task, Code&& code) {
  try {
    code();
    return true;
  } catch (...) {
    post_current_exception(element, task);
    return false;
  }
}

/// The same for questions, such as queries, where no answer is an answer: only logs.
template <class Code>
bool guard_quietly(GstElement* element, Code&& code) {
  try {
    code();
    return true;
  } catch (...) {
    log_current_exception(element);
    return false;
  }
}

}  // namespace torchstreamer
