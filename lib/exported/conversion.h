// Exported programs as TorchScript modules, with the shapes of their inputs.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "exported/constraints.h"

namespace torchstreamer::exported {

struct Converted {
  torch::jit::Module module;
  std::vector<Input> inputs;  ///< the tensors that forward() takes
};

/// See load_exported_program().
Converted convert_program(const std::string& path, c10::Device device);

}  // namespace torchstreamer::exported
