// Operators of the graph as functions of tensors.
#pragma once

#include <ATen/core/stack.h>

#include "graph/plan/value.h"

namespace torchstreamer::graph {

class Call;

/// An operator as a function of the streams among its arguments; the other arguments are fixed.
/// Thread-safe: operators have no state.
class Operation {
 public:
  /// All arguments but streams must be constant.
  explicit Operation(const Call& call);

  /// `in`: the streams among the arguments, in order, with the time axis at its place in the model.
  /// Returns all output tensors; lists are flattened.
  Tensors operator()(const Tensors& in) const;

 private:
  std::function<void(torch::jit::Stack&)> operation_;
  // True for views, because time-major frames have a different memory layout.
  bool needs_contiguous_;
  std::vector<Value> args_;
  std::vector<c10::TypePtr> types_;
};

/// Appends the streams in `value`, including those in lists, to `streams` in order.
void collect_streams(const Value& value, std::vector<Stream>& streams);
std::vector<Stream> streams_of(const Call& call);

/// An output of an operator over streams.
struct Output {
  Stream stream;
  int64_t rate = 1;  ///< output frames for each block of input frames
};

/// Calls the operator with 5 and with 12 blocks of `block` frames of every stream. The time axis of
/// an output is the axis that is longer for 12 blocks. Refuses if there is none.
std::vector<Output> probed_outputs(const Call& call, const Operation& operation,
                                   const std::vector<Stream>& inputs, int64_t block = 1);

/// Returns the time-major `frames` of `stream` with the time axis at its place in the model.
inline Tensor as_in_model(const Tensor& frames, const Stream& stream) {
  return frames.movedim(0, stream.axis);
}

}  // namespace torchstreamer::graph
