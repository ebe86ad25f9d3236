// A checked model file.
#pragma once

#include <memory>
#include <string>

namespace torchstreamer {

/// A TorchScript archive that exists and was checked.
struct ModelFile {
  std::string path;
  std::string sha256;           ///< of its bytes, 64 lower-case digits
  std::shared_ptr<void> lease;  ///< keeps the file in the cache; null for files elsewhere
};

}  // namespace torchstreamer
