// Where C++ meets GObject: nothing throws across a C boundary.
#pragma once

#include <gst/gst.h>

namespace torchstreamer {

/// What code under the guard is about; it decides the domain of the element error.
enum class Task {
  kSettings,  ///< making a stream from properties and caps
  kLoading,   ///< loading a model
  kStreaming  ///< running a stream
};

/// Posts the exception being handled as an element error of `element`, whose text is what().
void post_current_exception(GstElement* element, Task task);

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

}  // namespace torchstreamer
