// Operators of a graph, computed over values of all kinds.
#pragma once

#include "graph/plan/call.h"

namespace torchstreamer::graph {

/// Computes operators. Operators over constants are run by libtorch, operators over functions of
/// the length return such functions, and operators over streams become processes of the plan by
/// their rules.
class Operators {
 public:
  Operators(Plan& plan, Lengths& lengths);
  Operators(const Operators&) = delete;
  Operators& operator=(const Operators&) = delete;

  /// Returns the results of the operator `node`; they are Poison if an argument is Poison. Throws
  /// Refusal.
  std::vector<Value> compute(Node* node, const std::vector<Value>& args) const;

  Call call(Node* node, std::vector<Value> args) const {
    return {plan_, lengths_, as_stream_, node, std::move(args)};
  }

 private:
  Plan& plan_;
  Lengths& lengths_;
  AsStream as_stream_;
};

}  // namespace torchstreamer::graph
