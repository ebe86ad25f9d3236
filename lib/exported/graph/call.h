// One node of an exported graph.
#pragma once

#include <map>
#include <string>

#include "exported/graph/builder.h"

namespace torchstreamer::exported {

/// Arguments of an operator by name, each a union: {"as_int": 3}.
using NamedArguments = std::map<std::string, const Json*>;

/// A node with the graph that it is added to.
struct Call {
  Builder& builder;
  const Json& node;
  const Place& place;
  std::string target;    ///< "torch.ops.aten.conv1d.default"
  std::string name;      ///< "aten::conv1d"; otherwise as target
  std::string overload;  ///< empty for "default"

  NamedArguments arguments() const;
  /// Throws Refusal if there is no such argument.
  const Json& argument(const std::string& name) const;

  [[noreturn]] void refuse(const std::string& reason) const;
};

/// Returns the node's parts.
Call call_of(Builder& builder, const Json& node, const Place& place);

/// The values of a node's outputs, in their order.
using Values = std::vector<Value*>;

/// Adds an operator of TorchScript's registry, of this overload if it takes the arguments,
/// otherwise of the first overload that takes them. Throws Refusal if this libtorch has none.
Values add_operator(const Call& call, const std::string& name, const std::string& overload,
                    const NamedArguments& args);

}  // namespace torchstreamer::exported
