#include "base/exceptions.h"

#include <cstring>
#include <new>

#include "process/cancellable.h"
#include "process/element_error.h"
#include "torchstreamer/error.h"

GST_DEBUG_CATEGORY_EXTERN(ts_transform_debug);
#define GST_CAT_DEFAULT ts_transform_debug

namespace torchstreamer {
namespace {

struct Kind {
  GQuark domain;
  gint code;
};

Kind kind_of_error(ErrorContext context) {
  switch (context) {
    case ErrorContext::kSettings:
    case ErrorContext::kNewSettings:
      return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case ErrorContext::kLoading:
    case ErrorContext::kNewModel:
      return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
    case ErrorContext::kStreaming:
    case ErrorContext::kSignalEnd:
      break;
  }
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

/// Returns what failed, before the text of an Error, which is a clause.
const char* failure(ErrorContext context) {
  switch (context) {
    case ErrorContext::kSettings:
      return "The stream cannot be created: ";
    case ErrorContext::kNewSettings:
      return "The stream cannot be changed: ";
    case ErrorContext::kStreaming:
      return "The audio cannot be processed: ";
    case ErrorContext::kSignalEnd:
      return "The signal ends without its remaining output: ";
    case ErrorContext::kLoading:
    case ErrorContext::kNewModel:
      break;  // the text names the file
  }
  return "";
}

// Takes ownership of `text` and `debug`. They are strings of GLib, because C++ strings could throw
// again after std::bad_alloc.
void post(GstElement* element, ErrorContext context, Kind kind, gchar* text,
          gchar* debug = nullptr) {
  const bool is_warning = context == ErrorContext::kNewSettings ||
                          context == ErrorContext::kNewModel || context == ErrorContext::kSignalEnd;
  const GstMessageType type = is_warning ? GST_MESSAGE_WARNING : GST_MESSAGE_ERROR;
  gst_element_message_full(element, type, kind.domain, kind.code, text, debug, __FILE__,
                           GST_FUNCTION, __LINE__);
}

void post_lines(GstElement* element, ErrorContext context, Kind kind, const char* text,
                const char* failure = "") {
  const char* end = std::strchr(text, '\n');
  const int length = static_cast<int>(end ? end - text : std::strlen(text));
  post(element, context, kind, g_strdup_printf("%s%.*s", failure, length, text),
       end ? g_strdup(end + 1) : nullptr);
}

}  // namespace

void post_current_exception(GstElement* element, ErrorContext context) {
  const Kind failed = {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED};
  const Kind settings = {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
  try {
    throw;
  } catch (const Cancelled&) {
    GST_DEBUG_OBJECT(element, "cancelled");
  } catch (const ElementError& error) {
    post(element, context, {error.domain(), error.code()}, g_strdup(error.what()),
         g_strdup(error.debug().c_str()));
  } catch (const Refusal& refusal) {
    post(element, context, failed, g_strdup(refusal.what()),
         g_strdup("the model cannot be streamed exactly"));
  } catch (const OptionError& error) {
    post_lines(element, context, settings, error.what());
  } catch (const Error& error) {
    post_lines(element, context, kind_of_error(context), error.what(), failure(context));
  } catch (const std::bad_alloc&) {
    post(element, context, {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT},
         g_strdup("Out of memory."), g_strdup("std::bad_alloc"));
  } catch (const std::exception& error) {
    post_lines(element, context, failed, error.what());
  } catch (...) {
    post(element, context, failed, g_strdup("The stream failed."),
         g_strdup("an exception of unknown type"));
  }
}

void log_current_exception(GstElement* element) {
  try {
    throw;
  } catch (const std::exception& error) {
    GST_WARNING_OBJECT(element, "%s", error.what());
  } catch (...) {
    GST_WARNING_OBJECT(element, "an exception of unknown type");
  }
}

}  // namespace torchstreamer
