// Tensors among the values that a method returns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/plan/value.h"

namespace torchstreamer::graph {

/// Returns the tensors in a value returned by the model, in the order of its lists, tuples and
/// dictionaries, at any depth.
Tensors output_tensors(const IValue& returned);

/// A tensor with its name, see NamedOutput. A number becomes a tensor `[]`.
using NamedTensor = std::pair<std::string, Tensor>;

/// Returns the tensors and the numbers in a value returned by the model, in the same order. `type`:
/// type of the value in the graph.
std::vector<NamedTensor> named_values(const IValue& returned, const c10::TypePtr& type);

/// A tensor of the evaluated graph with its name: keys of dictionaries, fields of named tuples and
/// numbers of other items, separated by dots. The name is empty if the value is a single tensor.
using NamedOutput = std::pair<std::string, Value>;

/// Returns the tensors in a value of the evaluated graph, in the same order: streams, constants,
/// functions of the length, and Poison. Functions of the length that are not a tensor for a signal
/// of `source_frames` are omitted. `type`: type of the value in the graph.
std::vector<NamedOutput> named_outputs(const Value& returned, const c10::TypePtr& type,
                                       int64_t source_frames);

/// Returns the index that LoadOptions::output selects. `names`: names of all tensors. Throws
/// OptionError with these names if there is no such tensor.
int output_index(const std::string& output, const std::vector<std::string>& names);

}  // namespace torchstreamer::graph
