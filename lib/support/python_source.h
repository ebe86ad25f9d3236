// Lines of Python source.
#pragma once

#include <string>

namespace torchstreamer {

/// Returns true for a file of PyTorch itself, which the author of a model cannot change.
inline bool is_pytorch_file(const std::string& file) {
  return file.find("-packages/torch/") != std::string::npos;
}

}  // namespace torchstreamer
