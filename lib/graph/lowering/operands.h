// What an operator over samples is given, as the arithmetic of layers names it.
#pragma once

#include <optional>
#include <vector>

#include "graph/lowering/lowering.h"
#include "graph/rules/rules.h"

namespace torchstreamer::graph {

/// The arguments of an operator, and what it makes. Valid as long as both are.
class Operands {
 public:
  Operands(const Call& call, const PointwiseProcess& process);

  bool is_stream(size_t i) const;
  bool is_none(size_t i) const;
  bool is_complex(size_t i) const;

  /// A number that is not computed from the signal; none for tensors.
  std::optional<double> number(size_t i) const;

  /// A stream, a number, or a tensor that is the same at all times; none for others.
  std::optional<Operand> operand(size_t i) const;

  /// A tensor by the rules of broadcasting, in the order of a frame's samples.
  std::optional<Operand> in_frame(const Tensor& x) const;

  /// The same for one value a channel: axis 1 of the model's signal.
  std::optional<Operand> over_channels(const Tensor& x) const;

  /// For each number of the output, those `parts` of the operand's that it is made of: 0 is the
  /// real one, 1 the imaginary one; a real operand has itself alone.
  Operand parts(size_t i, const std::vector<int>& parts) const;

  const Call& call() const { return call_; }
  const PointwiseProcess& process() const { return process_; }

 private:
  std::vector<int64_t> frame() const;
  std::vector<int64_t> spread(const Stream& x) const;

  const Call& call_;
  const PointwiseProcess& process_;
  std::vector<int> inputs_;
};

/// What a Function makes, as an operand of another.
Operand made(Function function, std::vector<Operand> operands, double p = 0, double q = 0);

}  // namespace torchstreamer::graph
