/// @file
/// The exceptions of the library.
#pragma once

#include <stdexcept>
#include <string>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Base of all errors of the library. `what()` contains the failure, the wrong value and the
/// accepted values. A stream that has thrown can be used again, see "Errors" in torchstreamer.
class TORCHSTREAMER_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Options that do not fit the model or the machine. The model can be loaded with other options.
class TORCHSTREAMER_API OptionError : public Error {
 public:
  using Error::Error;
};

/// A module or model that cannot be streamed exactly. `what()` is the full sentence; the other
/// functions return its parts.
class TORCHSTREAMER_API Refusal : public Error {
 public:
  /// `subject`: operator ("aten::group_norm") or type of module. `path`: path of the module inside
  /// the model ("encoder.2.norm"), empty for the model itself. `source`: "file:line" of the model's
  /// Python source, or empty. `reason`: the cause, and an alternative that can be streamed.
  Refusal(std::string subject, std::string path, std::string source, std::string reason);

  /// Returns this refusal for the enclosing module: path() is prefixed with the name of the child,
  /// `name`.
  Refusal inside(const std::string& name) const;

  /// Returns operator, module and line as in `what()`.
  std::string place() const;

  /// Operator or type of module.
  const std::string& subject() const { return subject_; }
  /// Path of the module inside the model, empty for the model itself.
  const std::string& path() const { return path_; }
  /// "file:line" of the model's Python source, or empty.
  const std::string& source() const { return source_; }
  /// The cause, and an alternative that can be streamed.
  const std::string& reason() const { return reason_; }

 private:
  std::string subject_, path_, source_, reason_;
};

}  // namespace torchstreamer
