// Exported programs as TorchScript modules, with the shapes of their inputs.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "exported/constraints.h"

namespace torchstreamer::exported {

/// Audio that one call of a program processes, and the buffers at its start.
enum class Calls {
  kWholeSignal,  ///< one call for each signal: begins with the saved buffers
  kBlocks        ///< one call for each block: begins with the buffers of the previous call
};

struct Converted {
  torch::jit::Module module;
  std::vector<Input> inputs;  ///< the tensors that forward() takes
};

/// See load_exported_program(). With Calls::kBlocks, forward() writes to the buffers of the module.
Converted convert_program(const std::string& path, c10::Device device, Calls calls);

}  // namespace torchstreamer::exported
