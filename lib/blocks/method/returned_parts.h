// The parts of the value that a method returns, as far as its graph shows them.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <vector>

namespace torchstreamer::blocks {

using c10::IValue;

/// Indices of tuples and keys of dictionaries that lead to a part of a value.
using PartPath = std::vector<IValue>;

/// A part of the returned value: the value itself, or an item of a tuple or dictionary, at any
/// depth.
struct ReturnedPart {
  PartPath path;
  /// Keys, fields and indices of the path, separated by dots; empty for the value itself.
  std::string name;
  /// The last key or field; empty for items of tuples without names.
  std::string field;
  c10::TypePtr type;
  const torch::jit::Value* value;  ///< null if the graph does not show how it is made
  size_t first_leaf = 0;           ///< index of its first leaf
  size_t leaves = 0;               ///< number of its leaves; 1 for a leaf
  bool is_leaf = false;
};

/// Returns all parts, each before its items. A leaf is a part without items: any value but a tuple
/// and a dictionary whose keys are constants of the graph. `returned`: output of the graph.
std::vector<ReturnedPart> returned_parts(const torch::jit::Value* returned);

/// Returns the part of a returned value. Throws Error if a dictionary does not have the key.
IValue part_at(const IValue& returned, const PartPath& path);

}  // namespace torchstreamer::blocks
