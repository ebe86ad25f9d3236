// Programs of torch.export as modules that can be streamed.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>

#include "exported/conversion.h"
#include "torchstreamer/load.h"

namespace torchstreamer::exported {

/// Reads a program of torch.export onto the device. Throws Error with the path if it cannot be
/// read, Refusal if it cannot be converted. For Calls::kWholeSignal, throws Refusal if it was
/// exported for one length that is part of its graph, which is found by a run with a different
/// length. `trust`: see LoadOptions.
torch::jit::Module read_exported_module(const std::string& path, at::Device device, Calls calls,
                                        Trust trust);

}  // namespace torchstreamer::exported
