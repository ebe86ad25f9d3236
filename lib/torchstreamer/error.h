// What the library throws.
#pragma once

#include <stdexcept>
#include <string>

#include "torchstreamer/export.h"

namespace torchstreamer {

/// Every error of the library: what was wrong, where, and what would work. A stream that throws it
/// is usable again at once (see "Errors" in stream.h).
class TORCHSTREAMER_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Options that the model or the machine cannot meet: with others it would do.
class TORCHSTREAMER_API OptionError : public Error {
 public:
  using Error::Error;
};

/// A module or model that cannot be streamed exactly. `what()` is the whole sentence; the parts
/// stand apart for programs.
class TORCHSTREAMER_API Refusal : public Error {
 public:
  /// `subject`: the operator ("aten::group_norm") or module type. `path`: where it stands in the
  /// model ("encoder.2.norm"; empty at the top). `source`: the model's own "file:line", or empty.
  Refusal(std::string subject, std::string path, std::string source, std::string reason);

  /// The same refusal seen from one module further out, whose child `name` holds `path()`.
  Refusal inside(const std::string& name) const;

  /// Operator, module and line, as the sentence names them.
  std::string place() const;

  const std::string& subject() const { return subject_; }
  const std::string& path() const { return path_; }
  const std::string& source() const { return source_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string subject_, path_, source_, reason_;
};

}  // namespace torchstreamer
