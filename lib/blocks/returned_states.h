// States of a model that are arguments and outputs of its method.
#pragma once

#include <ATen/core/jit_type.h>

#include <string>
#include <vector>

#include "graph/script/arguments.h"

namespace torchstreamer::blocks {

/// A state that the method does not keep itself: an argument that gets an element of the tuple that
/// the previous call has returned.
struct ReturnedState {
  size_t argument;  ///< index among the inputs of the graph
  size_t element;   ///< index in the returned tuple
};

/// Returns the states of a method, in the order of the arguments. An argument is a state if
/// - it is a tensor, or a tuple, list or dictionary of tensors,
/// - it has the default None, or the user gives it as a text: "zeros(...)", or "None" if it has no
///   default, and
/// - the method returns a tuple with an element of the same type, which is neither the output nor
///   that of an earlier argument.
/// `returned`: type of the value that the method returns. `output`: see LoadOptions.
std::vector<ReturnedState> returned_states(const std::vector<graph::Argument>& arguments,
                                           const NamedValues& inputs, const c10::TypePtr& returned,
                                           const std::string& output);

/// Returns the names of arguments that look like states, because their default is None and the
/// method returns more than one value, but are none of `states`.
std::vector<std::string> unmatched_states(const std::vector<graph::Argument>& arguments,
                                          const NamedValues& inputs, const c10::TypePtr& returned,
                                          const std::vector<ReturnedState>& states);

}  // namespace torchstreamer::blocks
