// The parts of a model that a user can call and set.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "torchstreamer/call.h"

namespace torchstreamer::tools {

struct Interface {
  /// An argument of the method that runs.
  struct Argument {
    std::string name;
    std::string type;
    /// Origin of its value: "signal", "given", "sample rate", "default", "no effect", "must be
    /// set", "cannot be given" for a missing value of a type that has none.
    std::string origin;
    std::string value;  ///< JSON, if it is given or a default; otherwise empty
  };
  struct Attribute {
    std::string name;
    std::string type;
    /// JSON: nested arrays and objects, with at most 16 items each, and shape and type of a larger
    /// tensor. Empty if there is only a method that sets it.
    std::string value;
    bool can_be_set = false;
  };

  std::vector<std::string> methods;  ///< signatures
  std::string method;                ///< the one that runs
  std::vector<Argument> arguments;
  std::vector<Attribute> attributes;

  /// Returns true if there is more than one method over the signal alone.
  bool has_choices() const {
    return methods.size() > 1 || arguments.size() > 1 || !attributes.empty();
  }
};

/// Returns the interface of a module. There are no arguments if the module has no method
/// `call.method`. Throws OptionError if `call.inputs` do not fit the method.
Interface interface_of(const torch::jit::Module& module, const CallOptions& call);

}  // namespace torchstreamer::tools
