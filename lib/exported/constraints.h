// Shapes of inputs for which a program was exported.
#pragma once

#include <c10/core/TensorOptions.h>

#include <optional>
#include <string>
#include <vector>

#include "exported/graph/call.h"
#include "exported/guards.h"
#include "exported/sizes.h"

namespace torchstreamer::exported {

/// An axis of an input.
struct Axis {
  Sizes sizes;
  std::string expression;          ///< size in terms of symbols; empty if it is fixed
  std::optional<int64_t> example;  ///< size of the signal that was exported, if the file has it

  bool is_dynamic() const { return !expression.empty(); }
};

/// A tensor that the user passes to forward().
struct Input {
  std::string name;  ///< of its value in the program
  at::TensorOptions options;
  std::vector<Axis> axes;

  at::ScalarType type() const { return c10::typeMetaToScalarType(options.dtype()); }
  /// Returns the index of the last one of the longest axes if no axis is dynamic, otherwise none.
  /// It is the time axis of a program that was exported without dynamic_shapes; such a graph often
  /// fits every length.
  std::optional<size_t> free_axis() const;
};

/// Returns the input. The sizes of its axes are those that satisfy the range constraints and the
/// guards of the program. `description`: ExportedProgram of schema.py. `is_only`: no other tensor
/// is passed.
Input input_of(const Json& description, const std::vector<Guard>& guards, const std::string& name,
               bool is_only, at::Device device);

/// Throws Error for a guard that does not name an axis of these inputs.
void require_known_guards(const std::vector<Guard>& guards, const std::vector<Input>& inputs);

/// Adds nodes that raise an exception if the values, one for each input, have shapes for which the
/// program was not exported. Axes of the same expression must have the same size. If no axis is
/// dynamic, the free axes may have any size.
void add_shape_checks(Graph& graph, const Values& values, const std::vector<Input>& inputs);

}  // namespace torchstreamer::exported
