#include "model_file.h"

#include <glib/gstdio.h>

#include <cerrno>

namespace torchstreamer {

std::string find_model_file(GstElement* element, const std::string& location) {
  if (location.empty()) {
    GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("No model: the property location names none."),
                      (nullptr));
    return "";
  }
  std::string path = location;
  if (gst_uri_is_valid(location.c_str())) {
    g_autoptr(GError) error = nullptr;
    g_autofree gchar* file = g_filename_from_uri(location.c_str(), nullptr, &error);
    if (!file) {
      GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ,
                        ("%s is neither a path nor a file:// URI.", location.c_str()),
                        ("%s", error->message));
      return "";
    }
    path = file;
  }
  if (g_access(path.c_str(), R_OK) != 0) {
    const int reason = errno;
    const gint code =
        reason == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ;
    gst_element_message_full(
        element, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, code,
        g_strdup_printf("Model %s cannot be read: %s.", path.c_str(), g_strerror(reason)), nullptr,
        __FILE__, GST_FUNCTION, __LINE__);
    return "";
  }
  if (g_file_test(path.c_str(), G_FILE_TEST_IS_REGULAR)) return path;
  GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ,
                    ("%s is not a file, so it is no model.", path.c_str()), (nullptr));
  return "";
}

}  // namespace torchstreamer
