#include "guard.h"

#include <new>

#include "error.h"

namespace torchstreamer {
namespace {

struct Kind {
  GQuark domain;
  gint code;
};

Kind library_kind(Task task) {
  switch (task) {
    case Task::kSettings:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case Task::kLoading:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
    case Task::kStreaming:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

void post(GstElement* element, Kind kind, const char* text, const char* debug) {
  gst_element_message_full(element, GST_MESSAGE_ERROR, kind.domain, kind.code, g_strdup(text),
                           g_strdup(debug), __FILE__, GST_FUNCTION, __LINE__);
}

}  // namespace

void post_current_exception(GstElement* element, Task task) {
  const Kind failed = {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED};
  try {
    throw;
  } catch (const Refusal& refusal) {
    post(element, failed, refusal.what(), "the model cannot be streamed exactly");
  } catch (const Error& error) {
    post(element, library_kind(task), error.what(), nullptr);
  } catch (const std::bad_alloc&) {
    post(element, {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT}, "Out of memory.",
         "std::bad_alloc");
  } catch (const std::exception& error) {
    post(element, failed, error.what(), "not an error of torchstreamer itself");
  } catch (...) {
    post(element, failed, "The stream failed.", "an exception of unknown type");
  }
}

}  // namespace torchstreamer
