#include "server/log.h"

#include <glib.h>

#include <iostream>

#include "server/json.h"

namespace torchstreamer::server {

void Log::write(const char* level, const std::string& message, const Fields& fields) const {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree gchar* time = g_date_time_format_iso8601(now);
  std::string line;
  if (is_json_) {
    Json object{{"time", time}, {"level", level}, {"message", message}};
    for (const auto& [name, value] : fields) object[name] = value;
    line = print(object);
  } else {
    line = std::string(time) + " " + level + ": " + message;
    for (const auto& [name, value] : fields) line += " " + name + "=" + print(Json(value));
  }
  std::cerr << line + "\n" << std::flush;
}

}  // namespace torchstreamer::server
