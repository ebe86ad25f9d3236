// States of a model that are arguments and outputs of its method.
#pragma once

#include <ATen/core/jit_type.h>

#include <string>
#include <vector>

#include "blocks/method/returned_parts.h"
#include "graph/script/arguments.h"
#include "torchstreamer/load.h"

namespace torchstreamer::blocks {

/// A state that the method does not keep itself: an argument whose value is returned by the
/// previous call.
struct ReturnedState {
  size_t argument;  ///< index among the inputs of the graph
  /// The part of the returned value that is the state or, if there are more, the parts of a tuple.
  std::vector<PartPath> parts;
  c10::TypePtr tuple;  ///< type of that tuple; null if there is one part

  /// Returns the value of the argument for the next call. Throws Error if a part is missing.
  IValue value_in(const IValue& returned) const;
};

/// States of a method, and warnings about arguments that look like states but are not.
struct StatesOfMethod {
  std::vector<ReturnedState> states;  ///< in the order of the arguments
  std::vector<std::string> warnings;
};

/// Returns the states of a method. An argument may be a state
/// - if its type consists of tensors, numbers, tuples, lists and dictionaries, and its default is
///   None or the user gives a text: "zeros(...)", or "None" if it has no default,
/// - or if it is a number, but not the sample rate.
///
/// It is a state if the method returns, in addition to the output and other states,
/// 1. a part of its type whose key or field is the name of the argument; a number must be changed,
/// 2. for a number, a part that is the argument plus or minus a number, also modulo a number,
/// 3. for others, an item of its type in the returned tuple; several states have the order of the
///    arguments,
/// 4. or exactly the parts of all remaining arguments of this kind, nested in other tuples.
/// `graph`: graph of the method. `options`: method, inputs and output.
StatesOfMethod returned_states(const std::vector<graph::Argument>& arguments,
                               const torch::jit::Graph& graph, const LoadOptions& options);

}  // namespace torchstreamer::blocks
