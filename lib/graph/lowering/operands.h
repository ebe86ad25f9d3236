// The arguments of an operator as operands of computations.
#pragma once

#include <optional>
#include <vector>

#include "graph/lowering/lowering.h"

namespace torchstreamer::graph {

/// The arguments of an operator and its process, which must both outlive this object.
class Operands {
 public:
  Operands(const Call& call, const PointwiseProcess& process);

  bool is_stream(size_t i) const;
  bool is_none(size_t i) const;
  bool is_complex(size_t i) const;

  /// Returns argument `i` if it is a number that is not computed from the signal; none for tensors
  /// with axes.
  std::optional<double> number(size_t i) const;

  /// Returns argument `i` if it is a stream, a number or a tensor without a time axis; none for
  /// others.
  std::optional<Operand> operand(size_t i) const;

  /// Returns a tensor without a time axis, broadcast to the samples of a frame.
  std::optional<Operand> in_frame(const Tensor& x) const;

  /// The same for a tensor with one value for each channel. Channels are axis 1 of the model's
  /// signal.
  std::optional<Operand> over_channels(const Tensor& x) const;

  /// Returns the given parts of the operand for each number of the output. 0: real part, 1:
  /// imaginary part. A real operand is used for both.
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

/// Returns the result of a function as an operand of a different one.
Operand result_of(Function function, std::vector<Operand> operands, double p = 0, double q = 0);

}  // namespace torchstreamer::graph
