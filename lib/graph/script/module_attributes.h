// Attributes of a TorchScript module that a user can see and set.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/script/named_value.h"

namespace torchstreamer::graph {

/// An attribute of the module itself that is no parameter and no module, or a value that a method
/// `set_NAME` sets.
struct ModuleAttribute {
  std::string name;
  c10::TypePtr type;                 ///< of the attribute, otherwise of the setter's argument
  std::optional<c10::IValue> value;  ///< none if there is only a setter
  bool can_be_set = false;
};

/// Returns the attributes in the order of the module's class, those with private names, which begin
/// with an underscore, after the others. `training` and the attributes of PyTorch's own classes are
/// omitted.
std::vector<ModuleAttribute> module_attributes(const torch::jit::Module& module);

/// Returns the module with these attributes: by its method `set_NAME` if it has one, which gets the
/// numbers of an array as its arguments if it has several; otherwise numbers, strings and truth
/// values directly. Copies the objects and the tensors that this changes; all other tensors are
/// shared with `module`. `floats`: see converted_value(). Throws OptionError, which lists the
/// attributes that can be set, and for a setter that fails or returns a negative integer.
torch::jit::Module with_attributes(const torch::jit::Module& module, const NamedValues& attributes,
                                   const at::TensorOptions& floats);

}  // namespace torchstreamer::graph
