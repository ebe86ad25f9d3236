// An error that a client sees.
#pragma once

#include <libsoup/soup.h>

#include <stdexcept>
#include <string>

namespace torchstreamer::server {

/// An HTTP status with one sentence about what was wrong and what is accepted.
class Failure : public std::runtime_error {
 public:
  Failure(guint status, const std::string& text, int retry_after_s = 0)
      : std::runtime_error(text), status_(status), retry_after_s_(retry_after_s) {}

  guint status() const { return status_; }
  /// Value of the header Retry-After in seconds; 0: none.
  int retry_after_s() const { return retry_after_s_; }

 private:
  guint status_;
  int retry_after_s_;
};

}  // namespace torchstreamer::server
