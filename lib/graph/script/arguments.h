// Arguments of the methods of a TorchScript module.
#pragma once

#include <ATen/core/function_schema.h>
#include <torch/csrc/jit/ir/ir.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/script/named_value.h"

namespace torchstreamer::graph {

/// An argument of a method other than `self`, and the origin of its value.
struct Argument {
  enum class Kind {
    kSignal,   ///< the audio
    kGiven,    ///< the user gives the value
    kRate,     ///< the sample rate of the signal
    kDefault,  ///< default of the schema
    kUnused,   ///< without effect on the result
    kMissing   ///< the user must give a value
  };
  std::string name;
  c10::TypePtr type;
  Kind kind = Kind::kMissing;
  /// The value of kGiven, kDefault and kUnused, and of kRate if the rate is not known: then none if
  /// the user must give one.
  std::optional<c10::IValue> value;
  bool has_default = false;  ///< in the schema
};

/// Returns the arguments of a method in the order of its schema. The signal is the first argument
/// of type Tensor that is not in `inputs`. Arguments called sr, sample_rate, sampling_rate, fs or
/// rate get the sample rate if they are of type int or float, or Optional of them. `graph`: graph
/// of the method, with all calls inlined; its inputs are those of the schema. `floats`: see
/// converted_value(). Throws OptionError if a name in `inputs` is not an argument, or if its value
/// has the wrong type.
std::vector<Argument> arguments_of(const c10::FunctionSchema& schema,
                                   const torch::jit::Graph& graph, const NamedValues& inputs,
                                   const at::TensorOptions& floats);

/// Returns T for Optional[T], otherwise the type.
c10::TypePtr without_optional(const c10::TypePtr& type);

/// Returns the sample rate as a value of the type of an argument of kind kRate.
c10::IValue rate_value(const c10::TypePtr& type, int64_t rate_hz);

/// Throws Refusal if there is no signal, or if an argument is missing. The refusal contains the
/// schema.
void require_complete(const std::vector<Argument>& arguments, const c10::FunctionSchema& schema);

/// Returns "x: Tensor, depth: int".
std::string listed_arguments(const std::vector<Argument>& arguments);

}  // namespace torchstreamer::graph
