#include "loader/load_messages.h"

#include "fetch/fetch.h"

GST_DEBUG_CATEGORY_EXTERN(tsmodel_debug);
#define GST_CAT_DEFAULT tsmodel_debug

namespace torchstreamer {
namespace {

/// Posts a message about the file for each clause.
void post_clauses(GstElement* element, GstMessageType type, const ModelSettings& settings,
                  const std::vector<std::string>& clauses) {
  for (const std::string& clause : clauses) {
    const std::string text = "Model " + printable_location(settings.location) + ": " + clause + ".";
    GST_INFO_OBJECT(element, "%s", text.c_str());
    gst_element_message_full(element, type, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                             g_strdup(text.c_str()), nullptr, __FILE__, __func__, __LINE__);
  }
}

}  // namespace

void post_progress(GstElement* element, GstProgressType type, const std::string& text,
                   int percent) {
  GstMessage* message = gst_message_new_progress(GST_OBJECT(element), type, "model", text.c_str());
  if (percent >= 0)
    gst_structure_set(gst_message_writable_structure(message), "percent", G_TYPE_INT, percent,
                      nullptr);
  gst_element_post_message(element, message);
  GST_INFO_OBJECT(element, "%s", text.c_str());
}

void post_remarks(GstElement* element, const Remarks& remarks, const ModelSettings& settings) {
  post_clauses(element, GST_MESSAGE_INFO, settings, remarks.model->remarks());
  post_clauses(element, GST_MESSAGE_WARNING, settings, remarks.model->warnings());
  if (!remarks.cache_warning.empty())
    gst_element_message_full(
        element, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE,
        g_strdup(remarks.cache_warning.c_str()), nullptr, __FILE__, __func__, __LINE__);
}

}  // namespace torchstreamer
