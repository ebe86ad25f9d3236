// Tensors among the values that forward() returns.
#pragma once

#include "graph/plan/value.h"

namespace torchstreamer::graph {

/// Returns the tensors in a value returned by the model, in the order of its lists, tuples and
/// dictionaries, at any depth.
Tensors output_tensors(const IValue& returned);

/// Returns the index that LoadOptions::output selects. Throws OptionError.
int output_index(const std::string& output);

/// The same for a value of the evaluated graph: streams, constants, values that depend on the
/// length, and Poison. Values that are not tensors for a signal of `source_frames` are omitted.
std::vector<Value> output_tensors(const Value& returned, int64_t source_frames);

}  // namespace torchstreamer::graph
