// A checked model file.
#pragma once

#include <memory>
#include <string>

namespace torchstreamer {

/// A TorchScript archive or exported program that exists and was checked.
struct ModelFile {
  std::string path;
  std::string sha256;           ///< digest of its content, 64 lower-case hexadecimal digits
  std::shared_ptr<void> lease;  ///< keeps the file in the cache; null for files elsewhere
  /// Reason why the cache was not used, in full sentences; empty if it was used, and for local
  /// files.
  std::string warning = "";
};

}  // namespace torchstreamer
