// Tensors in memory: names, views and writes in place.
#pragma once

#include "graph/evaluate/object.h"
#include "graph/evaluate/operators.h"

namespace torchstreamer::graph {

/// Evaluates operators over objects. A write in place changes the content of all names and views of
/// the tensor; the tensors of the model itself are never written to.
class Heap {
 public:
  explicit Heap(const Operators& operators) : operators_(operators) {}

  /// Returns what an object contains at this moment. Lists and dictionaries are copied.
  Value content(const Object& object) const;
  std::vector<Value> contents(const std::vector<Object>& objects) const;

  /// Returns the results of an operator. A write that is refused makes its target Poison. Throws
  /// Refusal.
  std::vector<Object> compute(Node* node, const std::vector<Object>& operands) const;

 private:
  const Value& content(Memory& memory) const;
  Object write(Node* node, const std::vector<Object>& operands, std::vector<Value> args) const;

  const Operators& operators_;
};

}  // namespace torchstreamer::graph
