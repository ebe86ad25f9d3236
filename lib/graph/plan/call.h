// One operator of the graph with its arguments: the only input of a rule.
#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <string>
#include <vector>

#include "graph/plan/lengths.h"
#include "graph/plan/plan.h"

namespace torchstreamer::graph {

/// Converts a tensor that depends only on the length of the signal to a stream: positions,
/// positional encodings, running counts. Its frames are combined with those of `like`. Returns a
/// constant if the tensor does not grow with the signal. Refuses `node` if the first frames are
/// different for a longer signal.
using AsStream =
    std::function<Value(const SymbolPtr& symbol, const Stream& like, const Node* node)>;

/// An operator and its arguments, with the plan that its processes are added to.
class Call {
 public:
  /// `as_stream` must outlive the call.
  Call(Plan& plan, Lengths& lengths, const AsStream& as_stream, Node* node, std::vector<Value> args)
      : plan(plan), lengths(lengths), node(node), args(std::move(args)), as_stream_(&as_stream) {}

  /// Argument `i` as the type that the rule needs. Refuses the node if it has a different type, or
  /// if it depends on the length of the signal.
  Stream stream(size_t i) const;
  IValue constant(size_t i) const;
  int64_t integer(size_t i) const { return constant(i).toInt(); }
  bool boolean(size_t i) const { return constant(i).toBool(); }
  /// Returns an undefined tensor for None.
  Tensor tensor(size_t i) const;

  /// See AsStream. May apply the rules of other operators of the graph; no other function of a rule
  /// recurses.
  Value as_stream(const SymbolPtr& symbol, const Stream& like) const {
    return (*as_stream_)(symbol, like, node);
  }

  [[noreturn]] void refuse(const std::string& reason) const { throw refusal(node, reason); }
  /// Refuses the shape of an argument.
  [[noreturn]] void refuse_shape(const std::string& reason) const {
    throw ShapeMismatch(refusal(node, reason));
  }

  Plan& plan;
  Lengths& lengths;
  Node* node;
  std::vector<Value> args;

 private:
  const AsStream* as_stream_;
};

/// One row of the rule table: returns the streams (and other values) that an operator computes from
/// its arguments, at least one of which is a stream.
using Rule = std::vector<Value> (*)(const Call& call);

}  // namespace torchstreamer::graph
