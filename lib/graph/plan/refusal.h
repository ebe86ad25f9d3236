// Places of nodes in the model and in its source, for labels and refusals.
#pragma once

#include <string>

#include "torchstreamer/error.h"

namespace torch::jit {
struct Node;
}

namespace torchstreamer::graph {

using torch::jit::Node;

/// An operator does not accept a tensor of this shape: another layout or number of channels of the
/// signal may fit.
class ShapeMismatch : public Refusal {
 public:
  explicit ShapeMismatch(const Refusal& refusal) : Refusal(refusal) {}
};

/// A process does not accept the channels of its input; `channels` are accepted.
class ChannelMismatch : public Error {
 public:
  ChannelMismatch(const std::string& what, int64_t channels) : Error(what), channels(channels) {}
  int64_t channels;
};

/// Begin of the reason if the model itself raises an exception.
constexpr char kModelRaises[] = "the model raises ";

/// Returns the qualified name of the operator: "aten::conv1d".
std::string operator_name(const Node* node);

/// Returns the modules whose forward() calls lead to the node: "encoder.2". Empty at the top, or if
/// the file does not contain them.
std::string module_path(const Node* node);

/// Returns the innermost "file:line" outside PyTorch's own sources. Empty if the file has no lines.
std::string source_line(const Node* node);

/// Returns the refusal of a node: its operator, module path and line in the model's source.
Refusal refusal(const Node* node, const std::string& reason);

}  // namespace torchstreamer::graph
