// Exceptions that carry the domain and code of an element message.
#pragma once

#include <gst/gst.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace torchstreamer {

/// Content of an error message of an element: what() is the text for users, debug() the details for
/// developers. Neither contains secrets.
class ElementError : public std::runtime_error {
 public:
  ElementError(GQuark domain, int code, const std::string& text, std::string debug = "")
      : std::runtime_error(text), domain_(domain), code_(code), debug_(std::move(debug)) {}
  ElementError(GstResourceError code, const std::string& text, std::string debug = "")
      : ElementError(GST_RESOURCE_ERROR, code, text, std::move(debug)) {}

  GQuark domain() const { return domain_; }
  int code() const { return code_; }
  const std::string& debug() const { return debug_; }

 private:
  GQuark domain_;
  int code_;
  std::string debug_;
};

}  // namespace torchstreamer
