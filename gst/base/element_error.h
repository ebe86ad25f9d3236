// Why a model cannot be had.
#pragma once

#include <gst/gst.h>

#include <stdexcept>
#include <string>

namespace torchstreamer {

/// A model that cannot be had, in the words of an element error: what() is for the user, debug()
/// for who debugs. Neither holds a secret.
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
