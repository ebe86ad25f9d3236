// Methods of a TorchScript module and their signatures, for messages to users.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace torchstreamer::graph {

/// Returns the method of this name. Throws Refusal that lists the methods with their signatures if
/// there is none; OptionError if the user has chosen the name, which is then not "forward".
torch::jit::Method required_method(const torch::jit::Module& module, const std::string& name);

/// Returns "encode(Tensor x, int rate=3) -> Tensor": the schema without the module.
std::string signature_of(const c10::FunctionSchema& schema);

/// Returns the signatures of all methods but private ones, whose names begin with an underscore.
std::vector<std::string> signatures(const torch::jit::Module& module);

}  // namespace torchstreamer::graph
