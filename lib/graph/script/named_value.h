// Values of a user as values of TorchScript.
#pragma once

#include <ATen/core/ivalue.h>
#include <c10/core/TensorOptions.h>

#include <string>

#include "torchstreamer/call.h"

namespace torchstreamer::graph {

/// Returns `value` converted to a type of TorchScript:
/// - int: an integer, or a number without a fraction
/// - float: a number
/// - bool, str: a truth value, a string
/// - Tensor: as torch.tensor() of a number or an array, or zeros of a shape: "zeros(2, 1, 64)"
/// - List[int], List[float]: an array of numbers
/// - Tuple[...] and List[Tensor]: their tensors in order, also those of nested tuples, separated by
///   semicolons: "zeros(1, 1, 8); zeros(1, 1, 8)". One part is a shape, a number or an array.
/// - Optional[...]: the same, or the string "None"
/// `floats`: type and device of floating tensors; integers and truth values have the same device.
/// `name`: beginning of the error, such as "the argument 'gain' of forward()". Throws OptionError.
c10::IValue converted_value(const NamedValue& value, const c10::TypePtr& type,
                            const at::TensorOptions& floats, const std::string& name);

/// Returns the values that a type takes, such as "an integer"; empty if no value can be given.
std::string accepted_values(const c10::TypePtr& type);

}  // namespace torchstreamer::graph
