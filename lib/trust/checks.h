// Checks of the arguments of operators, one table for each subject.
#pragma once

#include <vector>

#include "trust/arguments.h"

namespace torchstreamer {

/// Throws Error for arguments for which libtorch would end the process, or never end. Arguments
/// that libtorch itself refuses may pass.
using Check = void (*)(const Arguments& args);

/// All overloads of the operators with these names; "aten::mul.left_t" is one overload.
struct CheckedOperators {
  std::vector<const char*> names;
  Check check;
};

/// Divisions of integers, ranges and texts.
std::vector<CheckedOperators> integer_checks();

/// Weights, statistics and states of layers.
std::vector<CheckedOperators> layer_checks();

/// Shapes, axes and numbers of elements of tensors.
std::vector<CheckedOperators> tensor_checks();

}  // namespace torchstreamer
