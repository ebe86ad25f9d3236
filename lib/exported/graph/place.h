// Places of exported nodes in the model: source lines and modules.
#pragma once

#include <torch/csrc/jit/ir/scope.h>

#include <string>

namespace torchstreamer::exported {

/// Place of a node.
struct Place {
  torch::jit::SourceRange range;            ///< its innermost line in the model's own files
  torch::jit::InlinedCallStackPtr callers;  ///< the lines that lead to it
  std::string module_path;                  ///< "encoder.2"; empty for the model itself
  std::string line;                         ///< "file:line" of the range; empty if unknown
};

/// Returns the place in a node's metadata. `stack_trace`: Python's, outermost call first.
/// `module_stack`: "key,path,type;key,path,type", outermost module first. Either may be empty.
/// `forward`: the function that the node is part of.
Place place_of(const std::string& stack_trace, const std::string& module_stack,
               torch::jit::Function* forward);

}  // namespace torchstreamer::exported
