// Operators that write to one of their arguments.
#pragma once

#include <unordered_map>

#include "graph/evaluate/aliases.h"
#include "graph/evaluate/operators.h"
#include "graph/evaluate/written.h"

namespace torchstreamer::graph {

/// Values of the evaluated part of the graph.
using Values = std::unordered_map<GraphValue, Value>;

/// Evaluates operators in place: a write changes all values that share the memory of its target.
class InPlace {
 public:
  InPlace(Values& values, const Operators& operators) : values_(values), operators_(operators) {}

  /// Values that share memory. Every evaluated node must be recorded here.
  Aliases& aliases() { return aliases_; }

  /// Evaluates an operator that writes_in_place(). If a write is refused, the written value becomes
  /// Poison. Throws Refusal if the model changes its own buffers.
  std::vector<Value> write(Node* node, const std::vector<Value>& args);

 private:
  ViewCall call_of(const View& view) const;
  void set(GraphValue root, Value value);
  Value written(const Call& write, const Aliases::Path& path) const;
  Value written_or_poison(const Call& write, const Aliases::Path& path) const;

  Values& values_;
  const Operators& operators_;
  Aliases aliases_;
};

}  // namespace torchstreamer::graph
