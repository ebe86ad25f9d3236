// TorchScript modules: files and weights.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>

#include "support/tensor.h"
#include "torchstreamer/load.h"

namespace torchstreamer::graph {

/// Reads a file of torch.jit.save() onto the device. Throws Error with the path and, if the file
/// uses an operator that this libtorch lacks, with the operator. `trust`: see LoadOptions.
torch::jit::Module read_script_module(const std::string& path, at::Device device, Trust trust);

/// Returns the parameters, then the buffers of real type.
Tensors floating_weights(const torch::jit::Module& module);

/// Returns a copy of the module whose real and complex tensors have the precision of `dtype`.
torch::jit::Module converted(const torch::jit::Module& module, at::ScalarType dtype);

/// Returns a copy of the module whose tensors of the type `half`, float16 or bfloat16, are float32.
/// Complex tensors of float16 parts get float32 parts.
torch::jit::Module widened(const torch::jit::Module& module, at::ScalarType half);

/// Returns the memory of the parameters and buffers.
int64_t bytes_of_tensors(const torch::jit::Module& module);

/// Returns 0 if the module has no integer attribute of this name.
int64_t integer_attribute(const torch::jit::Module& module, const std::string& name);

}  // namespace torchstreamer::graph
