#include "fetch/location.h"

#include <gst/gst.h>

namespace torchstreamer {

bool is_remote(const std::string& location) {
  return gst_uri_has_protocol(location.c_str(), "http") ||
         gst_uri_has_protocol(location.c_str(), "https");
}

std::string printable_location(const std::string& location) {
  if (!gst_uri_is_valid(location.c_str())) return location;
  g_autoptr(GUri) uri = g_uri_parse(location.c_str(), G_URI_FLAGS_ENCODED, nullptr);
  if (!uri) return location.substr(0, location.find(':')) + ":...";
  g_autofree gchar* text = g_uri_to_string_partial(
      uri,
      static_cast<GUriHideFlags>(G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY | G_URI_HIDE_FRAGMENT));
  return text;
}

}  // namespace torchstreamer
