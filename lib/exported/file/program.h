// Files of torch.export.save().
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "support/tensor.h"

namespace torchstreamer::exported {

/// An exported program as its file describes it.
struct Program {
  std::unique_ptr<const nlohmann::json> description;  ///< ExportedProgram of schema.py
  std::map<std::string, Tensor> tensors;  ///< parameters, buffers and constants by their names
};

/// Reads a file of torch.export.save(), in the layout of torch 2.5 to 2.7 or of later ones, onto
/// the device. Throws Error if it has a program of a different schema or damaged tensors.
Program read_program(const std::string& path, at::Device device);

}  // namespace torchstreamer::exported
