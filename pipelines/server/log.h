// Messages of the server on standard error: one line each, as text or as JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace torchstreamer::server {

/// Thread-safe.
class Log {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit Log(bool is_json) : is_json_(is_json) {}

  void info(const std::string& message, const Fields& fields = {}) const {
    write("info", message, fields);
  }
  void warn(const std::string& message, const Fields& fields = {}) const {
    write("warning", message, fields);
  }

 private:
  void write(const char* level, const std::string& message, const Fields& fields) const;

  bool is_json_;
};

}  // namespace torchstreamer::server
